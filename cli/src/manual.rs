//! What the command line says of itself to others: the manual page and the completions of shells. Hidden, for those who
//! install the command.

use std::io::{self, Write};

use clap::{Command, CommandFactory};
use clap_complete::Shell;
use clap_mangen::Man;

use crate::answer::{Answer, Stop};
use crate::args::Args;

/// Print the manual page cidrgate(1)
#[derive(clap::Args)]
pub(crate) struct ManArgs {}

/// Print the completions for a shell
#[derive(clap::Args)]
pub(crate) struct CompletionsArgs {
    shell: Shell,
}

pub(crate) fn man(ManArgs {}: &ManArgs, answer: &mut Answer) -> Result<(), Stop> {
    answer.bytes(page().map_err(Stop::Output)?.as_bytes())
}

pub(crate) fn completions(args: &CompletionsArgs, answer: &mut Answer) -> Result<(), Stop> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Args::command(), "cidrgate", &mut script);
    answer.bytes(&script)
}

/// One page with a section for each verb: fewer to look through than a page each.
fn page() -> io::Result<String> {
    let mut command = Args::command();
    command.build();
    let verbs: Vec<Command> = command.get_subcommands().filter(|verb| !verb.is_hide_set()).cloned().collect();
    let mut page = Vec::new();
    writeln!(page, ".TH CIDRGATE 1 \"\" \"cidrgate {}\"", env!("CARGO_PKG_VERSION"))?;
    let man = Man::new(command);
    man.render_name_section(&mut page)?;
    page.extend_from_slice(b".SH SYNOPSIS\n\\fBcidrgate\\fR \\fICOMMAND\\fR [\\fIOPTIONS\\fR] ...\n");
    man.render_description_section(&mut page)?;
    examples(&man, &mut page)?;
    for verb in verbs.into_iter().filter(|verb| verb.get_name() != "help") {
        writeln!(page, ".SH \"CIDRGATE {}\"", verb.get_name().to_uppercase())?;
        let man = Man::new(verb);
        let mut section = Vec::new();
        man.render_description_section(&mut section)?;
        man.render_synopsis_section(&mut section)?;
        man.render_options_section(&mut section)?;
        examples(&man, &mut section)?;
        let section = String::from_utf8_lossy(&section).replace(".SH DESCRIPTION\n", "").replace(".SH ", ".SS ");
        page.extend_from_slice(section.as_bytes());
    }
    page.extend_from_slice(b".SH \"SEE ALSO\"\n\\fBcidrgate\\fR(3), \\fBcidrgate\\fR(5)\n");
    Ok(String::from_utf8_lossy(&page).into_owned())
}

/// What follows the options in the help of a command, with its lines as they are.
fn examples(man: &Man, page: &mut Vec<u8>) -> io::Result<()> {
    let mut extra = Vec::new();
    man.render_extra_section(&mut extra)?;
    let extra = String::from_utf8_lossy(&extra).replace(".SH EXTRA\n", ".SH EXAMPLES\n.nf\n");
    page.extend_from_slice(extra.replace("\nExamples:\n", "\n").replace("\nExample:\n", "\n").as_bytes());
    page.extend_from_slice(b".fi\n");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_has_the_verbs_that_are_shown() {
        let page = page().unwrap();
        for verb in ["CHECK", "EXPLAIN", "LINT", "MERGE", "DIFF", "FILTER", "BENCH"] {
            assert!(page.contains(&format!(".SH \"CIDRGATE {verb}\"\n")), "{verb}");
        }
        for hidden in ["MAN", "COMPLETIONS", "HELP"] {
            assert!(!page.contains(&format!("CIDRGATE {hidden}")), "{hidden}");
        }
        assert!(!page.contains("EXTRA"));
    }
}
