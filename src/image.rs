//! The image: a painting with the labels of its rules, as bytes. `docs/image.md` specifies it; the checks here are those
//! that stand there, in that order.

use alloc::borrow::Cow;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use crate::edges::Edges;
use crate::error::OutOfMemory;
use crate::label::Labels;
use crate::matcher::{Fingerprint, Matcher, Owner};
use crate::painting::{DEFAULT, Order, Painting, Segments};
use crate::policy::{Action, CompileError, MAX_NOTE};
use crate::range::Family;
use crate::set::CidrSet;
use crate::text::Canonical;

/// The bytes that every image starts with, whatever its version. No policy text or JSON starts so.
pub const IMAGE_MAGIC: [u8; 8] = *b"\x89cidr\r\n\x1a";

const VERSION: u32 = 1;

/// Where things stand in the header.
mod at {
    pub(super) const VERSION: usize = 8;
    pub(super) const CHECKSUM: usize = 12;
    /// The checksum is of all from here on.
    pub(super) const LENGTH: usize = 16;
    pub(super) const CONTENTS: usize = 24;
    pub(super) const DEFAULT: usize = 28;
    pub(super) const FINGERPRINT: usize = 32;
    pub(super) const TABLE: usize = 64;
}

/// What `contents` says.
const PAINTING: u32 = 0;
const VERDICTS_ONLY: u32 = 1;

/// The sections, each with its name and the size of an element.
type Names<const N: usize> = [(&'static str, usize); N];

const OF_PAINTING: Names<9> = [
    ("v4.edges", 4),
    ("v4.owner", 4),
    ("v6.edges", 16),
    ("v6.owner", 4),
    ("action", 1),
    ("line", 4),
    ("note", 4),
    ("note.end", 8),
    ("note.txt", 1),
];
const OF_VERDICTS: Names<2> = [("v4.allow", 4), ("v6.allow", 16)];

/// Name, offset and length.
const ENTRY: usize = 24;

const ALIGN: usize = 64;

/// Why bytes are no image that can be loaded.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}{message}", Place(*.offset))]
pub struct ImageError {
    kind: ImageErrorKind,
    offset: Option<usize>,
    message: Cow<'static, str>,
}

/// What is wrong with an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum ImageErrorKind {
    /// It does not start as an image does.
    NotAnImage,
    /// Its version is another than this library knows.
    Version,
    /// It is cut short, or something follows its end.
    Length,
    /// The checksum is not that of its bytes: something has changed them.
    Checksum,
    /// The header says something that has no meaning.
    Header,
    /// The table of sections is not as it must be.
    Sections,
    /// There is something between the sections.
    Padding,
    /// Edges that do not rise, or lie where none can.
    Edges,
    /// A segment whose owner is no rule, or that of the segment before.
    Owners,
    /// A rule whose action is none, or too many rules.
    Rules,
    /// A note that is none, or not stored as it must be.
    Notes,
    /// The fingerprint is not that of the answers.
    Fingerprint,
    /// Memory for the matcher could not be had.
    OutOfMemory,
}

impl ImageError {
    fn new(kind: ImageErrorKind, offset: usize, message: impl Into<Cow<'static, str>>) -> Self {
        Self { kind, offset: Some(offset), message: message.into() }
    }

    /// What is wrong.
    #[must_use]
    pub fn kind(&self) -> ImageErrorKind {
        self.kind
    }

    /// Where, in bytes from the start of the image; 0 if that is no question of place.
    #[must_use]
    pub fn offset(&self) -> usize {
        self.offset.unwrap_or(0)
    }

    /// What was found and what would be right, without the place.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }
}

impl From<CompileError> for ImageError {
    fn from(error: CompileError) -> Self {
        match error {
            CompileError::OutOfMemory => OutOfMemory.into(),
            error => Self { kind: ImageErrorKind::Rules, offset: None, message: error.to_string().into() },
        }
    }
}

impl From<OutOfMemory> for ImageError {
    fn from(OutOfMemory: OutOfMemory) -> Self {
        Self { kind: ImageErrorKind::OutOfMemory, offset: None, message: "out of memory".into() }
    }
}

struct Place(Option<usize>);

impl core::fmt::Display for Place {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        self.0.map_or(Ok(()), |offset| write!(f, "at offset {offset}: "))
    }
}

/// An address of a family as its bytes.
trait Number: Family {
    fn of(bytes: &[u8]) -> Self;
    fn put(self, image: &mut Vec<u8>);
}

macro_rules! number {
    ($($word:ty),*) => {$(
        impl Number for $word {
            fn of(bytes: &[u8]) -> Self {
                Self::from_le_bytes(array(bytes))
            }
            fn put(self, image: &mut Vec<u8>) {
                image.extend_from_slice(&self.to_le_bytes());
            }
        }
    )*};
}
number!(u32, u128);

/// The first bytes, of which there are enough.
fn array<const N: usize>(bytes: &[u8]) -> [u8; N] {
    bytes.first_chunk().copied().unwrap_or([0; N])
}

impl Matcher {
    /// The image of this matcher: bytes from which [`load`](Self::load) makes an equal one, in any language, without the
    /// text. Of equal policies it is equal, byte for byte. One pass; 4 or 16 bytes for each edge, and where owners are
    /// known another 4 for each, and for each rule 9 and its note.
    ///
    /// What is lost is the text: targets, sets, precedence, priorities, expectations.
    ///
    /// ```
    /// use cidrgate::{Matcher, Policy};
    /// let matcher = Policy::read("allow 192.0.2.0/24 # the office")?.compile()?;
    /// let loaded = Matcher::load(matcher.save()?)?;
    /// let rule = loaded.decide(std::net::Ipv4Addr::new(192, 0, 2, 1)).rule().unwrap();
    /// assert_eq!(loaded.label(rule).unwrap().note(), Some("the office"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// If memory cannot be had.
    pub fn save(&self) -> Result<Vec<u8>, OutOfMemory> {
        let allowed = self.allowed();
        let image = match self.painting() {
            None => {
                let (v4, v6) = (allowed.v4().as_slice(), allowed.v6().as_slice());
                let mut image = Writer::new(&OF_VERDICTS, [v4.len(), v6.len()])?;
                image.section(v4.iter().copied(), |image, edge| edge.put(image));
                image.section(v6.iter().copied(), |image, edge| edge.put(image));
                image.finish(VERDICTS_ONLY, Action::Deny, &self.fingerprint())
            }
            Some((v4, v6, labels, default)) => {
                let segments = [v4.edges().len(), v4.owners().len(), v6.edges().len(), v6.owners().len()];
                let [v4_edges, v4_owners, v6_edges, v6_owners] = segments;
                let (rules, notes, text) = (labels.len(), labels.ends.len(), labels.text.as_bytes());
                let counts = [v4_edges, v4_owners, v6_edges, v6_owners, rules, rules, rules, notes, text.len()];
                let mut image = Writer::new(&OF_PAINTING, counts)?;
                image.section(v4.edges(), |image, edge| edge.put(image));
                image.section(v4.owners(), |image, owner| Owner(owner).rule().unwrap_or(DEFAULT).put(image));
                image.section(v6.edges(), |image, edge| edge.put(image));
                image.section(v6.owners(), |image, owner| Owner(owner).rule().unwrap_or(DEFAULT).put(image));
                image.section(labels.actions.iter().copied(), |image, action| image.push(action as u8));
                image.section(labels.lines.iter().copied(), |image, line| line.put(image));
                image.section(labels.notes.iter().copied(), |image, note| note.put(image));
                image.section(labels.ends.iter().copied(), |image, end| {
                    image.extend_from_slice(&(end as u64).to_le_bytes());
                });
                image.start();
                image.image.extend_from_slice(text);
                image.finish(PAINTING, default, &self.fingerprint())
            }
        };
        Ok(image)
    }

    /// Loads an image that [`save`](Self::save) made, or the command or library in another language. Everything is
    /// checked, at the place named in the error; the index is built anew. Linear in the length of the image, and memory
    /// follows that length. The image is not needed any more then.
    ///
    /// The checksum is against accidents, not against forgers: who can write an image can write any policy into it. Keep
    /// images where policies are kept.
    ///
    /// # Errors
    /// If the image is of another version, cut short, damaged or not as it must be in any way, or memory cannot be had.
    pub fn load(image: impl AsRef<[u8]>) -> Result<Self, ImageError> {
        use ImageErrorKind::{Fingerprint as Lies, Header};
        let image = image.as_ref();
        whole(image)?;
        let contents = u32::of(&image[at::CONTENTS..]);
        let default = match u32::of(&image[at::DEFAULT..]) {
            0 => Action::Deny,
            1 if contents == PAINTING => Action::Allow,
            found => {
                let message = match contents {
                    VERDICTS_ONLY => format!("the default is {found}, but must be 0 where there are verdicts only"),
                    _ => format!("the default is {found} instead of 0 (deny) or 1 (allow)"),
                };
                return Err(ImageError::new(Header, at::DEFAULT, message));
            }
        };
        let (painted, allowed) = match contents {
            PAINTING => {
                let (painting, labels) = painting(sections(image, &OF_PAINTING)?)?;
                let allows = |owner| match owner {
                    DEFAULT => default.is_allow(),
                    rule => labels.action(rule as usize).is_some_and(Action::is_allow),
                };
                let allowed = painting.allowed(allows)?;
                (Some((painting, labels)), allowed)
            }
            VERDICTS_ONLY => {
                let [v4, v6] = sections(image, &OF_VERDICTS)?;
                let (v4, v6) = (edges(&v4, true)?, edges(&v6, true)?);
                (None, CidrSet::from_edges(Edges::from_checked(v4), Edges::from_checked(v6)))
            }
            found => {
                let message = format!("the contents are {found} instead of 0 (a painting) or 1 (verdicts only)");
                return Err(ImageError::new(Header, at::CONTENTS, message));
            }
        };
        let fingerprint = Fingerprint::of(&allowed);
        if !image[at::FINGERPRINT..].starts_with(fingerprint.as_bytes()) {
            let message = format!("the fingerprint is not that of the answers, which is {fingerprint}");
            return Err(ImageError::new(Lies, at::FINGERPRINT, message));
        }
        Ok(match painted {
            Some((painting, labels)) => Self::of_painting(painting, allowed, labels, default)?,
            None => Self::of_verdicts(allowed)?,
        })
    }
}

/// An image that is being written.
struct Writer {
    image: Vec<u8>,
    /// Where the sections that are still to be written begin.
    starts: alloc::vec::IntoIter<usize>,
}

impl Writer {
    /// Takes the memory for all of it, and writes the table.
    fn new<const N: usize>(names: &Names<N>, counts: [usize; N]) -> Result<Self, OutOfMemory> {
        let mut starts = Vec::new();
        starts.try_reserve_exact(N)?;
        let mut table = Vec::new();
        table.try_reserve_exact(N * ENTRY)?;
        let mut end = at::TABLE + N * ENTRY;
        for ((name, size), count) in names.iter().zip(counts) {
            let start = end.checked_next_multiple_of(ALIGN).ok_or(OutOfMemory)?;
            let len = size.checked_mul(count).ok_or(OutOfMemory)?;
            end = start.checked_add(len).ok_or(OutOfMemory)?;
            starts.push(start);
            table.extend_from_slice(&padded(name));
            table.extend_from_slice(&(start as u64).to_le_bytes());
            table.extend_from_slice(&(len as u64).to_le_bytes());
        }
        let mut image = Vec::new();
        image.try_reserve_exact(end)?;
        image.extend_from_slice(&IMAGE_MAGIC);
        VERSION.put(&mut image);
        image.resize(at::LENGTH, 0);
        image.extend_from_slice(&(end as u64).to_le_bytes());
        image.resize(at::TABLE, 0);
        image.extend_from_slice(&table);
        Ok(Self { image, starts: starts.into_iter() })
    }

    /// Goes to where the next section begins.
    fn start(&mut self) {
        if let Some(start) = self.starts.next() {
            self.image.resize(start, 0);
        }
    }

    fn section<T>(&mut self, elements: impl Iterator<Item = T>, put: impl Fn(&mut Vec<u8>, T)) {
        self.start();
        for element in elements {
            put(&mut self.image, element);
        }
    }

    fn finish(self, contents: u32, default: Action, fingerprint: &Fingerprint) -> Vec<u8> {
        let mut image = self.image;
        let mut set = |at: usize, bytes: &[u8]| image[at..at + bytes.len()].copy_from_slice(bytes);
        set(at::CONTENTS, &contents.to_le_bytes());
        set(at::DEFAULT, &u32::from(default as u8).to_le_bytes());
        set(at::FINGERPRINT, fingerprint.as_bytes());
        let checksum = crc32fast::hash(&image[at::LENGTH..]);
        image[at::CHECKSUM..at::LENGTH].copy_from_slice(&checksum.to_le_bytes());
        image
    }
}

/// A name as it stands in the table.
fn padded(name: &str) -> [u8; 8] {
    let mut bytes = [0; 8];
    for (byte, letter) in bytes.iter_mut().zip(name.bytes()) {
        *byte = letter;
    }
    bytes
}

/// Sees that these are all the bytes of an image of this version, unchanged. There are as many as a header has then.
fn whole(image: &[u8]) -> Result<(), ImageError> {
    use ImageErrorKind::{Checksum, Length, NotAnImage, Version};
    let short = |message: String| Err(ImageError::new(Length, image.len(), message));
    let magic = &image[..image.len().min(IMAGE_MAGIC.len())];
    if magic != &IMAGE_MAGIC[..magic.len()] || magic.is_empty() {
        return Err(ImageError::new(NotAnImage, 0, "this is no image: it does not start as one does"));
    }
    if image.len() < at::CHECKSUM {
        return short(format!("the image is cut short: {} bytes, not even its version", image.len()));
    }
    match u32::of(&image[at::VERSION..]) {
        VERSION => {}
        found => {
            let message = format!("the image has version {found}; this library knows version {VERSION} only");
            return Err(ImageError::new(Version, at::VERSION, message));
        }
    }
    if image.len() < at::TABLE {
        return short(format!("the image is cut short: {} bytes, its header alone has {}", image.len(), at::TABLE));
    }
    let (found, length) = (image.len() as u64, u64::from_le_bytes(array(&image[at::LENGTH..])));
    if found < length {
        return short(format!("the image is cut short: {found} bytes of {length}"));
    }
    if found > length {
        let message = format!("the image says that it has {length} bytes, but there are {found}");
        return Err(ImageError::new(Length, at::LENGTH, message));
    }
    let (found, right) = (u32::of(&image[at::CHECKSUM..]), crc32fast::hash(&image[at::LENGTH..]));
    if found != right {
        let message = format!("the image is damaged: its checksum is {found:08x}, that of its bytes {right:08x}");
        return Err(ImageError::new(Checksum, at::CHECKSUM, message));
    }
    Ok(())
}

/// The bytes of a section, a multiple of the size of its elements, and where they are.
struct Section<'a> {
    name: &'static str,
    start: usize,
    size: usize,
    bytes: &'a [u8],
}

impl Section<'_> {
    fn count(&self) -> usize {
        self.bytes.len() / self.size
    }

    /// The place of an element.
    fn at(&self, index: usize) -> usize {
        self.start + index * self.size
    }

    fn elements<T>(&self, of: impl Fn(&[u8]) -> T) -> Result<Vec<T>, OutOfMemory> {
        let mut elements = Vec::new();
        elements.try_reserve_exact(self.count())?;
        elements.extend(self.bytes.chunks_exact(self.size).map(of));
        Ok(elements)
    }

    /// Sees that there are so many elements.
    fn counts(&self, count: usize, of: &str) -> Result<(), ImageError> {
        if self.count() == count {
            return Ok(());
        }
        let message = format!("section {} has {} elements instead of {count}, {of}", self.name, self.count());
        Err(ImageError::new(ImageErrorKind::Sections, self.start, message))
    }
}

/// The sections as the table has them, which must be as the names have them, with zeros between.
fn sections<'a, const N: usize>(image: &'a [u8], names: &Names<N>) -> Result<[Section<'a>; N], ImageError> {
    use ImageErrorKind::{Length, Padding, Sections};
    // What is inside the image can be reckoned with as it is: no object is longer than half of what a number can say.
    let mut end = at::TABLE + N * ENTRY;
    if image.len() < end {
        return Err(ImageError::new(Length, image.len(), "the image ends before its table of sections does"));
    }
    let mut found = names.map(|(name, size)| Section { name, start: 0, size, bytes: &[] });
    for (number, section) in found.iter_mut().enumerate() {
        let entry = at::TABLE + number * ENTRY;
        let fault = |at: usize, message: String| Err(ImageError::new(Sections, entry + at, message));
        let name = section.name;
        if array(&image[entry..]) != padded(name) {
            return fault(0, format!("section {} of the table is not {name}", number + 1));
        }
        let field = |at: usize| u64::from_le_bytes(array(&image[entry + at..]));
        let start = end.next_multiple_of(ALIGN);
        if field(8) != start as u64 {
            return fault(8, format!("section {name} begins at {} instead of {start}", field(8)));
        }
        let room = image.len().saturating_sub(start);
        let len = match usize::try_from(field(16)) {
            Ok(len) if start <= image.len() && len <= room => len,
            _ => {
                return fault(
                    16,
                    format!("section {name} has {} bytes, but the image has only {room} there", field(16)),
                );
            }
        };
        if len % section.size != 0 {
            return fault(
                16,
                format!("section {name} has {len} bytes, which its elements of {} do not fill", section.size),
            );
        }
        if let Some(at) = image[end..start].iter().position(|byte| *byte != 0) {
            let message = format!("there is something before section {name} where zeros should be");
            return Err(ImageError::new(Padding, end + at, message));
        }
        section.start = start;
        section.bytes = &image[start..start + len];
        end = start + len;
    }
    if end != image.len() {
        let message = format!("the last section ends at {end}, the image at {}", image.len());
        return Err(ImageError::new(Sections, at::TABLE + (N - 1) * ENTRY + 16, message));
    }
    Ok(found)
}

/// Edges that rise and lie where edges may. `from_zero` says whether one may be address 0.
fn edges<W: Number>(section: &Section<'_>, from_zero: bool) -> Result<Vec<W>, ImageError> {
    let name = section.name;
    let fault = |index: usize, message: String| Err(ImageError::new(ImageErrorKind::Edges, section.at(index), message));
    let written = |edge: W| Canonical::from(edge.addr());
    if u32::try_from(section.count()).is_err() {
        return fault(0, format!("section {name} has {} edges, more than 2^32 - 1", section.count()));
    }
    let edges = section.elements(W::of)?;
    if !from_zero && edges.first() == Some(&W::ZERO) {
        return fault(0, format!("the first edge of {name} is address 0, where the first segment starts without one"));
    }
    if let Some(index) = edges.windows(2).position(|pair| pair[0] >= pair[1]) {
        let [before, after] = [edges[index], edges[index + 1]].map(written);
        return fault(index + 1, format!("edge {after} of {name} does not lie above {before}, the one before"));
    }
    if let Some((first, last)) = W::FOREIGN {
        let index = edges.partition_point(|edge| *edge < first);
        if let Some(edge) = edges.get(index).filter(|edge| **edge <= last) {
            let edge = written(*edge);
            return fault(index, format!("edge {edge} of {name} lies in ::ffff:0:0/96, the block of IPv4 addresses"));
        }
    }
    Ok(edges)
}

fn segments<W: Number>(edges: &Section<'_>, owners: &Section<'_>, rules: usize) -> Result<Segments<W>, ImageError> {
    use ImageErrorKind::Owners;
    owners.counts(edges.count() + 1, "one more than there are edges")?;
    let edges = self::edges(edges, false)?;
    let found = owners.elements(u32::of)?;
    if let Some(index) = found.iter().position(|owner| *owner != DEFAULT && *owner as usize >= rules) {
        let message = format!("owner {} is no rule: there are {rules}, counted from 0", found[index]);
        return Err(ImageError::new(Owners, owners.at(index), message));
    }
    if let Some(index) = found.windows(2).position(|pair| pair[0] == pair[1]) {
        let message = "the segment has the owner of the one before, so they are one segment";
        return Err(ImageError::new(Owners, owners.at(index + 1), message));
    }
    Ok(Segments { edges, owners: found })
}

fn painting(sections: [Section<'_>; 9]) -> Result<(Painting, Labels), ImageError> {
    use ImageErrorKind::Rules;
    let [v4_edges, v4_owners, v6_edges, v6_owners, actions, lines, notes, ends, text] = sections;
    let rules = actions.count();
    if rules > Order::MOST {
        return Err(ImageError::new(Rules, actions.start, format!("there are {rules} rules, more than 2^31")));
    }
    lines.counts(rules, "one for each rule")?;
    notes.counts(rules, "one for each rule")?;
    let painting =
        Painting { v4: segments(&v4_edges, &v4_owners, rules)?, v6: segments(&v6_edges, &v6_owners, rules)? };
    if let Some(index) = actions.bytes.iter().position(|byte| *byte > 1) {
        let message =
            format!("the action of rule {index} is {} instead of 0 (deny) or 1 (allow)", actions.bytes[index]);
        return Err(ImageError::new(Rules, actions.at(index), message));
    }
    let action = |bytes: &[u8]| if bytes == [1] { Action::Allow } else { Action::Deny };
    let labels = Labels {
        actions: actions.elements(action)?,
        lines: lines.elements(u32::of)?,
        ..self::notes(&notes, &ends, &text)?
    };
    Ok((painting, labels))
}

/// The notes, and which rule has which.
fn notes(notes: &Section<'_>, ends: &Section<'_>, text: &Section<'_>) -> Result<Labels, ImageError> {
    let fault = |at: usize, message: String| Err(ImageError::new(ImageErrorKind::Notes, at, message));
    let whole = match core::str::from_utf8(text.bytes) {
        Ok(whole) => whole,
        Err(error) => return fault(text.at(error.valid_up_to()), "the notes are no UTF-8".into()),
    };
    if may_have_control(text.bytes) {
        if let Some((at, _)) = whole.char_indices().find(|(_, char)| char.is_control() && *char != '\t') {
            return fault(text.at(at), "a note has a control character".into());
        }
    }
    let mut own = String::new();
    own.try_reserve_exact(whole.len()).map_err(OutOfMemory::from)?;
    own.push_str(whole);

    let found_ends = ends.elements(|bytes| u64::from_le_bytes(array(bytes)))?;
    let mut places = Vec::new();
    places.try_reserve_exact(found_ends.len()).map_err(OutOfMemory::from)?;
    let mut start = 0;
    for (index, end) in found_ends.into_iter().enumerate() {
        let note = usize::try_from(end).ok().and_then(|end| whole.get(start..end));
        let Some(note) = note.filter(|note| !note.is_empty()) else {
            let message = format!("note {} ends at {end}, but starts at {start} of {} bytes", index + 1, whole.len());
            return fault(ends.at(index), message);
        };
        if note.len() > MAX_NOTE {
            let message = format!("note {} has {} bytes, more than {MAX_NOTE}", index + 1, note.len());
            return fault(text.at(start), message);
        }
        if matches!(note.as_bytes(), [b' ' | b'\t', ..] | [.., b' ' | b'\t']) {
            return fault(text.at(start), format!("note {} has blanks around it", index + 1));
        }
        start += note.len();
        places.push(start);
    }
    if start != whole.len() {
        return fault(text.at(start), format!("the notes end here, but {} bytes follow", whole.len() - start));
    }

    let labels = Labels { notes: notes.elements(u32::of)?, ends: places, text: own, ..Labels::default() };
    let (mut used, mut before) = (0, 0);
    for (rule, &number) in labels.notes.iter().enumerate() {
        if number != 0 && number != before {
            if number as usize != used + 1 || number as usize > labels.ends.len() {
                let right = if before == 0 { String::new() } else { format!(", {before}") };
                let message = format!("rule {rule} has note {number} instead of 0{right} or {}", used + 1);
                return fault(notes.at(rule), message);
            }
            if before != 0 && labels.is_note_twice(used) {
                let message = format!("rule {rule} has the note of the rule before, but does not share it");
                return fault(notes.at(rule), message);
            }
            used += 1;
        }
        before = number;
    }
    if used != labels.ends.len() {
        return fault(ends.at(used), format!("no rule has note {}", used + 1));
    }
    Ok(labels)
}

/// Whether control characters can be among the bytes, told without a look at each character: they are below a blank, DEL,
/// or of two bytes of which this is the first.
fn may_have_control(bytes: &[u8]) -> bool {
    bytes.iter().fold(false, |may, &byte| may | (byte < b' ') | (byte == 0x7f) | (byte == 0xc2))
}
