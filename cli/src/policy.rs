//! Policies: from a text, or from an image or lists in its place.

use std::ffi::OsString;

use cidrgate::{Action, CidrSet, Finding, Matcher, Policy, PolicyReader, Precedence, Rule, SetName, Target};

use crate::answer::Stop;
use crate::args::PolicyArgs;
use crate::diagnose::{Text, tell};
use crate::list;
use crate::source::{Form, Source, is_image, stdin_once};

/// What stands where a POLICY is expected.
pub(crate) enum Subject {
    Text(Source),
    /// The lists of `--allow` and `--deny`.
    Lists,
}

impl Subject {
    /// What messages call it.
    fn name(&self) -> String {
        match self {
            Self::Text(source) => source.to_string(),
            Self::Lists => LISTS.into(),
        }
    }
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
        let lists = self.lists.0.iter().map(|(_, list)| list).chain(self.sets.iter().map(|set| &set.file));
        stdin_once(texts.chain(lists).chain(others))?;

        let sets = list::read_sets(&self.sets, self.lenient, self.allow_empty)?;
        Ok(Parts { args: self, sets })
    }
}

/// What policies are made of besides their text.
pub(crate) struct Parts<'a> {
    args: &'a PolicyArgs,
    sets: Vec<(SetName, CidrSet)>,
}

impl Parts<'_> {
    /// The policy, and on standard error what is worth a warning; where it is none, why. An image is none.
    pub(crate) fn policy(&self, subject: &Subject) -> Result<Policy, Stop> {
        self.policy_with(subject, |_| true)
    }

    /// The same with those warnings only that are `worth` it.
    pub(crate) fn policy_with(&self, subject: &Subject, worth: fn(&Finding) -> bool) -> Result<Policy, Stop> {
        match self.read(subject, worth)? {
            Read::Policy(policy) => Ok(policy),
            Read::Image(_) => {
                let name = subject.name();
                tell(format_args!("{name}: this is an image; what is needed here is the policy it was made of"));
                Err(Stop::Told)
            }
        }
    }

    /// What answers for the policy or image, and on standard error what is worth a warning; where it is neither, why.
    pub(crate) fn compiled(&self, subject: &Subject) -> Result<Compiled, Stop> {
        let compiled = self.compiled_with(subject, |_| true)?;
        if compiled.policy.is_none() {
            self.unused_sets(subject);
        }
        Ok(compiled)
    }

    /// As [`compiled`](Self::compiled), for who wants the answers without their reasons.
    pub(crate) fn verdicts(&self, subject: &Subject) -> Result<Matcher, Stop> {
        match self.read(subject, |_| true)? {
            Read::Policy(policy) => policy.compile_verdicts_only().map_err(untold),
            Read::Image(matcher) => {
                self.unused_sets(subject);
                Ok(*matcher)
            }
        }
    }

    fn unused_sets(&self, subject: &Subject) {
        for (set, _) in &self.sets {
            tell(format_args!("{}: warning[unused-set]: an image uses no sets, so not @{set}", subject.name()));
        }
    }

    /// The same with those warnings only that are `worth` it.
    pub(crate) fn compiled_with(&self, subject: &Subject, worth: fn(&Finding) -> bool) -> Result<Compiled, Stop> {
        Ok(match self.read(subject, worth)? {
            Read::Policy(policy) => Compiled { matcher: compile(&policy)?, policy: Some(policy) },
            Read::Image(matcher) => Compiled { matcher: *matcher, policy: None },
        })
    }

    fn read(&self, subject: &Subject, worth: fn(&Finding) -> bool) -> Result<Read, Stop> {
        let (read, bytes) = match subject {
            Subject::Text(source) => self.of_text(source)?,
            Subject::Lists => (Read::Policy(self.of_lists()?), Vec::new()),
        };
        if let Read::Policy(policy) = &read {
            let warnings = policy.warnings().iter().filter(|finding| worth(finding));
            Text { name: &subject.name(), bytes: &bytes }.warnings(warnings);
        }
        Ok(read)
    }

    fn of_text(&self, source: &Source) -> Result<(Read, Vec<u8>), Stop> {
        let reader = PolicyReader::new().lenient(self.args.lenient);
        let reader = self.sets.iter().fold(reader, |reader, (name, set)| reader.set(name.as_str(), set.clone()));
        source.read(Form::Policy, |bytes| match is_image(bytes) {
            true => Ok(Read::Image(Box::new(Matcher::load(bytes)?))),
            false => Ok(Read::Policy(reader.read(bytes)?)),
        })
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
        let sets: Vec<_> =
            lists.iter().map(|(_, list)| list::read_set(list, self.args.lenient, self.args.allow_empty)).collect();
        for (number, ((action, list), set)) in (1..).zip(lists.iter().zip(sets)) {
            let name = format!("list-{number}");
            let rule = Target::set(&name).map(|target| Rule::new(*action, target)).map_err(refused)?;
            builder = builder.set(name, set?).rule(rule.with_note(format!("--{action} {list}").trim_end()));
        }
        builder.build().map_err(refused)
    }
}

/// What was read in the place of a policy.
enum Read {
    Policy(Policy),
    Image(Box<Matcher>),
}

/// What answers, and the policy that it was made of, which an image does not have.
pub(crate) struct Compiled {
    pub(crate) matcher: Matcher,
    pub(crate) policy: Option<Policy>,
}

/// The policy, ready to answer.
pub(crate) fn compile(policy: &Policy) -> Result<Matcher, Stop> {
    policy.compile().map_err(untold)
}

fn untold(error: impl std::fmt::Display) -> Stop {
    tell(error);
    Stop::Told
}

fn refused(error: impl std::fmt::Display) -> Stop {
    tell(format_args!("{LISTS}: {error}"));
    Stop::Told
}
