//! The command line: the verbs, and the arguments that several of them share.

use std::ffi::OsString;

use clap::builder::{OsStringValueParser, TypedValueParser};
use clap::error::ErrorKind;
use clap::{Arg, ArgAction, ArgMatches, Command, CommandFactory, FromArgMatches, Parser, Subcommand, value_parser};
use clap_lex::OsStrExt;

use cidrgate::{Action, CidrSet, SetName};

use crate::exit::Exit;
use crate::source::Source;
use crate::{bench, check, diff, explain, filter, lint, manual, merge};

/// May this source address in, and why? Reads, checks and merges CIDR allow and deny lists.
#[derive(Parser)]
#[command(name = "cidrgate", version, max_term_width = 100, after_long_help = HELP)]
pub(crate) struct Args {
    #[command(subcommand)]
    pub(crate) verb: Verb,
}

const HELP: &str = "\
Examples:
  cidrgate check policy.txt 203.0.113.10 2001:db8::1   may they in, and by which rule?
  cidrgate explain policy.txt 203.0.113.10             why, and what was close
  cidrgate lint policy.txt                             rules that never win, and other slips
  cidrgate merge drop.txt feodo.txt.gz                 the smallest list of both together
  cidrgate diff policy.txt next.txt                    who gets in, who is locked out
  cidrgate filter --allow office.txt access.log        the lines of the log that come from there
  cidrgate bench policy.txt                            how fast this machine answers

POLICY is policy text, or JSON if it starts with `{`. LIST has one address, network or range a line.
Both may be gzipped; `-` is standard input.

Exit codes: 0 yes (allowed, clean, same, found), 1 no, 2 could not be decided.";

#[derive(Subcommand)]
pub(crate) enum Verb {
    Check(check::Args),
    Explain(explain::Args),
    Lint(lint::Args),
    Merge(merge::Args),
    Diff(diff::Args),
    Filter(filter::Args),
    Bench(bench::Args),
    #[command(hide = true)]
    Man(manual::ManArgs),
    #[command(hide = true)]
    Completions(manual::CompletionsArgs),
}

/// Says why a call makes no sense, and how a verb is called.
pub(crate) fn refuse(verb: &str, message: &str) -> Exit {
    let mut command = Args::command();
    command.build();
    let command = command.find_subcommand_mut(verb);
    if let Some(command) = command {
        let _ = command.error(ErrorKind::ValueValidation, message).print();
    }
    Exit::Undecided
}

/// What policies are made of besides their text.
#[derive(clap::Args)]
pub(crate) struct PolicyArgs {
    #[command(flatten)]
    pub(crate) lists: Lists,
    /// Hand a list to the policy as the set @NAME
    #[arg(long = "set", value_name = "NAME=LIST", value_parser = OsStringValueParser::new().try_map(NamedList::new))]
    pub(crate) sets: Vec<NamedList>,
    /// Clear host bits (172.0.0.10/16) with a warning instead of refusing them
    #[arg(long)]
    pub(crate) lenient: bool,
    /// Take lists without entries
    #[arg(long)]
    pub(crate) allow_empty: bool,
}

/// The lists of `--allow` and `--deny`, in the order of the command line.
pub(crate) struct Lists(pub(crate) Vec<(Action, Source)>);

/// Written out since a derived parser would lose the order between the two options.
impl clap::Args for Lists {
    fn augment_args(command: Command) -> Command {
        let list = |name: &'static str, help: &'static str| {
            Arg::new(name)
                .long(name)
                .value_name("LIST")
                .value_parser(value_parser!(Source))
                .action(ArgAction::Append)
                .help(help)
        };
        command
            .arg(list("allow", "In place of POLICY: allow this list; a --deny list wins over it"))
            .arg(list("deny", "In place of POLICY: deny this list; without --allow the rest is allowed"))
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for Lists {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let mut lists = Vec::new();
        for action in [Action::Allow, Action::Deny] {
            let sources = matches.get_many::<Source>(action.as_str()).into_iter().flatten();
            let places = matches.indices_of(action.as_str()).into_iter().flatten();
            lists.extend(places.zip(sources).map(|(place, source)| (place, action, source.clone())));
        }
        lists.sort_by_key(|(place, ..)| *place);
        Ok(Self(lists.into_iter().map(|(_, action, source)| (action, source)).collect()))
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

/// `NAME=LIST`
#[derive(Clone)]
pub(crate) struct NamedList {
    pub(crate) name: SetName,
    pub(crate) list: Source,
}

impl NamedList {
    fn new(text: OsString) -> Result<Self, String> {
        let (name, list) = text.split_once("=").ok_or("there is no `=` between name and list")?;
        let name = name.to_str().unwrap_or_default();
        let name = SetName::new(name).map_err(|error| error.to_string())?;
        Ok(Self { name, list: list.to_owned().into() })
    }
}

/// Which families to print.
#[derive(clap::Args)]
pub(crate) struct Families {
    /// IPv4 only
    #[arg(short = '4', conflicts_with = "only_v6")]
    only_v4: bool,
    /// IPv6 only
    #[arg(short = '6')]
    only_v6: bool,
}

impl Families {
    /// The part of the set that is asked for.
    pub(crate) fn of(&self, set: &CidrSet) -> CidrSet {
        match (self.only_v4, self.only_v6) {
            (true, _) => set.only_v4(),
            (_, true) => set.only_v6(),
            _ => set.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Args::command().debug_assert();
    }
}
