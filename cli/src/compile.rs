//! `compile`: a policy as an image.

use std::ffi::OsString;
use std::fs::{self, Metadata, OpenOptions};
use std::io::{self, IsTerminal, Write, stdout};
use std::path::Path;

use serde::Serialize;

use crate::answer::{Answer, Stop};
use crate::args::PolicyArgs;
use crate::diagnose::{printable, tell};
use crate::policy::{Subject, compile};
use crate::source::Source;

/// Write a policy as an image, which programs load without its text
///
/// Prints the fingerprint, which is equal for equal answers, and sizes. Equal policies make equal images. Where IMAGE is
/// a file it is replaced as a whole or left as it is.
///
/// Exit code: 0 written, 2 the policy could not be read, or the image not written.
#[derive(clap::Args)]
#[command(
    override_usage = "cidrgate compile [OPTIONS] POLICY -o IMAGE\n       \
                      cidrgate compile [OPTIONS] --allow LIST|--deny LIST... -o IMAGE",
    after_long_help = "\
Examples:
  cidrgate compile policy.txt -o policy.image
  cidrgate compile --verdicts-only --deny drop.txt -o drop.image
  cidrgate check policy.image 203.0.113.10"
)]
pub(crate) struct Args {
    /// Policy text or JSON
    policy: Option<OsString>,
    /// Where the image goes; `-` is standard output, and nothing else is printed
    #[arg(short, long, value_name = "IMAGE")]
    output: OsString,
    #[command(flatten)]
    from: PolicyArgs,
    /// Leave out rules, lines and notes: smaller, but without reasons
    #[arg(long)]
    verdicts_only: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(args: Args, answer: &mut Answer) -> Result<(), Stop> {
    let mut arguments = args.policy.into_iter();
    let subject = args.from.subject(&mut arguments)?;
    if arguments.next().is_some() {
        return Err(Stop::Usage("--allow and --deny stand in the place of POLICY".into()));
    }
    let to_stdout = args.output == "-";
    if to_stdout && args.json {
        return Err(Stop::Usage("--json prints sizes, which `-o -` does not".into()));
    }
    if to_stdout && stdout().is_terminal() {
        return Err(Stop::Usage("an image is nothing for a terminal; name a file".into()));
    }
    let path = Path::new(&args.output);
    let lists = args.from.lists.0.iter().map(|(_, list)| list).chain(args.from.sets.iter().map(|set| &set.list));
    let text = match &subject {
        Subject::Text(source) => Some(source),
        Subject::Lists => None,
    };
    if !to_stdout && text.into_iter().chain(lists).any(|source| is_same(source, path)) {
        return Err(Stop::Usage("the image would take the place of what it is made of".into()));
    }

    let policy = args.from.parts([&subject], [])?.policy(&subject)?;
    let matcher = match args.verdicts_only {
        false => compile(&policy)?,
        true => policy.compile_verdicts_only().map_err(told)?,
    };
    let image = matcher.save().map_err(told)?;
    if to_stdout {
        return answer.bytes(&image);
    }
    write(path, &image)
        .map_err(|error| told(format_args!("{}: {error}", printable(path.as_os_str().as_encoded_bytes()))))?;

    let made = Made {
        fingerprint: matcher.fingerprint().to_string(),
        bytes: image.len(),
        rules: (!args.verdicts_only).then(|| policy.rules().len()),
        networks: matcher.allowed().networks().count(),
    };
    if args.json {
        return answer.json(&made);
    }
    answer.line(format_args!("fingerprint {}\nbytes {}", made.fingerprint, made.bytes))?;
    if let Some(rules) = made.rules {
        answer.line(format_args!("rules {rules}"))?;
    }
    answer.line(format_args!("networks {}", made.networks))
}

fn told(error: impl std::fmt::Display) -> Stop {
    tell(error);
    Stop::Told
}

#[derive(Serialize)]
struct Made {
    fingerprint: String,
    /// Of the image.
    bytes: usize,
    rules: Option<usize>,
    /// That are allowed, of the smallest list.
    networks: usize,
}

/// Whether the source is this file.
fn is_same(source: &Source, path: &Path) -> bool {
    match source {
        Source::Stdin => false,
        Source::File(file) => fs::canonicalize(file).ok().is_some_and(|file| fs::canonicalize(path).ok() == Some(file)),
    }
}

/// Writes the image beside its place and renames it, so that whoever loads it sees the old one or the new one. What is
/// no file (a pipe, a device) is written to.
fn write(path: &Path, image: &[u8]) -> io::Result<()> {
    let there = match fs::metadata(path) {
        Ok(there) if there.is_file() => Some(there),
        Ok(_) => return OpenOptions::new().write(true).open(path)?.write_all(image),
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => return Err(error),
    };
    // A link stays, and what it leads to is replaced.
    let path = if there.is_some() { &fs::canonicalize(path)? } else { path };
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    // Said of the folder, not of a file in it whose name nobody asked for.
    fs::metadata(folder)?;
    let mut file = new_file().tempfile_in(folder).map_err(|error| io::Error::from(error.kind()))?;
    file.write_all(image)?;
    if let Some(permissions) = there.as_ref().map(Metadata::permissions) {
        file.as_file().set_permissions(permissions)?;
    }
    file.as_file().sync_all()?;
    file.persist(path)?;
    Ok(())
}

/// A file that gets the permissions that new files get; those of temporary files are for the owner alone.
fn new_file() -> tempfile::Builder<'static, 'static> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(".cidrgate-");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        builder.permissions(fs::Permissions::from_mode(0o666));
    }
    builder
}
