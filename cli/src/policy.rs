//! Policies: from a text, or from lists in its place.

use std::ffi::OsString;

use cidrgate::{Action, CidrSet, Finding, Matcher, Policy, PolicyReader, Precedence, Rule, SetName, Target};

use crate::answer::Stop;
use crate::args::PolicyArgs;
use crate::diagnose::{Text, tell};
use crate::list;
use crate::source::{Form, Source, stdin_once};

/// What stands where a POLICY is expected.
pub(crate) enum Subject {
    Text(Source),
    /// The lists of `--allow` and `--deny`.
    Lists,
}

/// What a policy made of lists is called.
pub(crate) const LISTS: &str = "<lists>";

impl PolicyArgs {
    /// The POLICY: the next argument, unless lists stand in its place.
    pub(crate) fn subject(&self, arguments: &mut impl Iterator<Item = OsString>) -> Result<Subject, Stop> {
        if !self.lists.0.is_empty() {
            return Ok(Subject::Lists);
        }
        let policy =
            arguments.next().ok_or(Stop::Usage("a POLICY is missing, or --allow or --deny in its place".into()))?;
        Ok(Subject::Text(policy.into()))
    }

    /// Reads what policies are made of besides their text. `subjects` and `others` are what the call will read later:
    /// standard input can be read once only.
    pub(crate) fn parts<'a>(
        &'a self,
        subjects: impl IntoIterator<Item = &'a Subject>,
        others: impl IntoIterator<Item = &'a Source>,
    ) -> Result<Parts<'a>, Stop> {
        let texts = subjects.into_iter().filter_map(|subject| match subject {
            Subject::Text(source) => Some(source),
            Subject::Lists => None,
        });
        let lists = self.lists.0.iter().map(|(_, list)| list).chain(self.sets.iter().map(|set| &set.list));
        stdin_once(texts.chain(lists).chain(others))?;

        let sets: Vec<_> = self.sets.iter().map(|set| (set.name.clone(), self.list(&set.list))).collect();
        let sets = sets.into_iter().map(|(name, set)| Ok((name, set?))).collect::<Result<_, Stop>>()?;
        Ok(Parts { args: self, sets })
    }

    /// A list that is to decide something, which one without entries hardly means to.
    fn list(&self, source: &Source) -> Result<CidrSet, Stop> {
        let list = list::read(source, self.lenient)?;
        if list.entries() == 0 && !self.allow_empty {
            tell(format_args!("{source}: the list has no entries; if that is right, say --allow-empty"));
            return Err(Stop::Told);
        }
        Ok(list.into_set())
    }
}

/// What policies are made of besides their text.
pub(crate) struct Parts<'a> {
    args: &'a PolicyArgs,
    sets: Vec<(SetName, CidrSet)>,
}

impl Parts<'_> {
    /// The policy, and on standard error what is worth a warning; where it is none, why.
    pub(crate) fn policy(&self, subject: &Subject) -> Result<Policy, Stop> {
        self.policy_with(subject, |_| true)
    }

    /// The same with those warnings only that are `worth` it.
    pub(crate) fn policy_with(&self, subject: &Subject, worth: fn(&Finding) -> bool) -> Result<Policy, Stop> {
        let (policy, name, bytes) = match subject {
            Subject::Text(source) => {
                let (policy, bytes) = self.of_text(source)?;
                (policy, source.to_string(), bytes)
            }
            Subject::Lists => (self.of_lists()?, LISTS.into(), Vec::new()),
        };
        let warnings = policy.warnings().iter().filter(|finding| worth(finding));
        Text { name: &name, bytes: &bytes }.warnings(warnings);
        Ok(policy)
    }

    fn of_text(&self, source: &Source) -> Result<(Policy, Vec<u8>), Stop> {
        let reader = PolicyReader::new().lenient(self.args.lenient);
        let reader = self.sets.iter().fold(reader, |reader, (name, set)| reader.set(name.as_str(), set.clone()));
        source.read(Form::Policy, |bytes| reader.read(bytes))
    }

    /// Each list is one rule; any deny wins.
    fn of_lists(&self) -> Result<Policy, Stop> {
        let lists = &self.args.lists.0;
        let default = if lists.iter().any(|(action, _)| action.is_allow()) { Action::Deny } else { Action::Allow };
        let mut builder = Policy::builder().default_action(default).precedence(Precedence::DenyOverrides);
        for (name, set) in &self.sets {
            builder = builder.set(name.as_str(), set.clone());
        }
        // Each list is read before any fault ends it all, so that the faults of all are told.
        let sets: Vec<_> = lists.iter().map(|(_, list)| self.args.list(list)).collect();
        for (number, ((action, list), set)) in (1..).zip(lists.iter().zip(sets)) {
            let name = format!("list-{number}");
            let rule = Target::set(&name).map(|target| Rule::new(*action, target)).map_err(refused)?;
            builder = builder.set(name, set?).rule(rule.with_note(format!("--{action} {list}").trim_end()));
        }
        builder.build().map_err(refused)
    }
}

/// The policy, ready to answer.
pub(crate) fn compile(policy: &Policy) -> Result<Matcher, Stop> {
    policy.compile().map_err(untold)
}

/// The answers alone.
pub(crate) fn verdicts(policy: &Policy) -> Result<Matcher, Stop> {
    policy.compile_verdicts_only().map_err(untold)
}

fn untold(error: impl std::fmt::Display) -> Stop {
    tell(error);
    Stop::Told
}

fn refused(error: impl std::fmt::Display) -> Stop {
    tell(format_args!("{LISTS}: {error}"));
    Stop::Told
}
