//! The address ranges that clouds publish as JSON, by tag, service or region.
//!
//! ```
//! use cidrgate::cloud::PublishedRanges;
//! let ranges = PublishedRanges::read(r#"{"syncToken": "1", "createDate": "2025-07-24-20-23-14", "prefixes": [
//!     {"ip_prefix": "198.51.100.0/24", "service": "EC2", "region": "eu-west-1", "network_border_group": "eu-west-1"}
//! ], "ipv6_prefixes": []}"#)?;
//! let ec2 = ranges.get("EC2.eu-west-1")?;
//! assert!(ec2.set().contains(std::net::Ipv4Addr::new(198, 51, 100, 7)));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use alloc::borrow::ToOwned;
use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt::{self, Display};

use ipnet::IpNet;
use serde_json::Value;

use crate::document::{Node, Wrong, document_error, parse};
use crate::error::OutOfMemory;
use crate::fault::Quoted;
use crate::list::List;
use crate::name::distance;
use crate::range::IpRange;
use crate::text;

/// How many tags are named where one is not known.
const NAMED: usize = 5;

document_error! {
    /// Why a document gives no [`PublishedRanges`].
    PublishedRangesError
}

/// Who publishes a document.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Provider {
    /// Amazon: [`ip-ranges.json`](https://docs.aws.amazon.com/vpc/latest/userguide/aws-ip-syntax.html).
    Aws,
    /// Microsoft: [`ServiceTags_*.json`](https://learn.microsoft.com/azure/virtual-network/service-tags-overview), or what
    /// `az network list-service-tags` prints.
    Azure,
    /// Cloudflare: [`/client/v4/ips`](https://developers.cloudflare.com/api/resources/ips/).
    Cloudflare,
    /// GitHub: [`/meta`](https://docs.github.com/rest/meta/meta).
    GitHub,
    /// Google: [`cloud.json` and `goog.json`](https://support.google.com/a/answer/10026322), and others of that form.
    Google,
}

impl Provider {
    /// `AWS`, `Azure`, `Cloudflare`, `GitHub` or `Google`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Aws => "AWS",
            Self::Azure => "Azure",
            Self::Cloudflare => "Cloudflare",
            Self::GitHub => "GitHub",
            Self::Google => "Google",
        }
    }

    /// Whose document it is, told by members that nobody else's has.
    fn of(root: &Node<'_>) -> Result<Option<Self>, Wrong> {
        let marks = [
            ("values", Self::Azure),
            ("result", Self::Cloudflare),
            ("ipv6_prefixes", Self::Aws),
            ("createDate", Self::Aws),
            ("prefixes", Self::Google),
            ("verifiable_password_authentication", Self::GitHub),
            ("hooks", Self::GitHub),
        ];
        for (mark, provider) in marks {
            if root.member(mark)?.is_some() {
                return Ok(Some(provider));
            }
        }
        Ok(None)
    }
}

impl Display for Provider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// Why there are no ranges of a tag.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TagError {
    /// The document has no such tag, or several that differ in case only.
    #[error("{}", Unknown { tag, provider: *provider, near })]
    Unknown {
        /// The tag.
        tag: String,
        /// Whose document it is.
        provider: Provider,
        /// Tags that may be meant, five at most; none if the document has no tags at all or none is near.
        near: Vec<String>,
    },
    /// Memory could not be had.
    #[error(transparent)]
    OutOfMemory(#[from] OutOfMemory),
}

struct Unknown<'a> {
    tag: &'a str,
    provider: Provider,
    near: &'a [String],
}

impl Display for Unknown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} is no tag of this {} document", Quoted(self.tag.as_bytes()), self.provider)?;
        for (at, near) in self.near.iter().enumerate() {
            let before = if at == 0 { "; near: " } else { ", " };
            write!(f, "{before}{}", Quoted(near.as_bytes()))?;
        }
        Ok(())
    }
}

/// The ranges of a published document, by tag:
///
/// | document | tags |
/// | --- | --- |
/// | Azure | the names of its service tags: `AzureCloud.westeurope` |
/// | AWS | service, region, network border group, service and either: `S3`, `eu-west-1`, `EC2.eu-west-1` |
/// | Google | service, scope, both: `Google Cloud`, `europe-west1`, `Google Cloud.europe-west1`; `goog.json` has none |
/// | GitHub | the names of its lists of networks: `hooks`, `actions` |
/// | Cloudflare | none |
///
/// Whose document it is, is told by what it holds. Members that are not known are ignored, and repeated networks are
/// fine; a member given twice is an error, and what is no network, has host bits, or is an IPv4-mapped network one that
/// names its path.
#[derive(Clone, Debug)]
pub struct PublishedRanges {
    provider: Provider,
    all: Vec<IpRange>,
    tags: BTreeMap<String, Vec<IpRange>>,
}

impl PublishedRanges {
    /// Reads a document of up to [`MAX_DOCUMENT`](crate::MAX_DOCUMENT) bytes. Parsed it takes many times its size, up to 256
    /// bytes for each value; if so much cannot be had, that is an error.
    ///
    /// # Errors
    /// If it is no JSON, none of the documents, or any network in it is at fault; or if memory cannot be had.
    pub fn read(text: impl AsRef<[u8]>) -> Result<Self, PublishedRangesError> {
        let document = parse(text.as_ref())?;
        let root = Node::root(&document);
        let provider = Provider::of(&root)?.ok_or_else(|| {
            root.wrong("none of the documents that AWS, Azure, Cloudflare, GitHub and Google publish their ranges in")
        })?;
        let mut ranges = Self { provider, all: Vec::new(), tags: BTreeMap::new() };
        match provider {
            Provider::Azure => ranges.azure(&root)?,
            Provider::Aws => ranges.aws(&root)?,
            Provider::Google => ranges.google(&root)?,
            Provider::GitHub => ranges.github(&root)?,
            Provider::Cloudflare => ranges.cloudflare(&root)?,
        }
        Ok(ranges)
    }

    /// Whose document it is.
    #[must_use]
    pub fn provider(&self) -> Provider {
        self.provider
    }

    /// The tags, sorted.
    pub fn tags(&self) -> impl ExactSizeIterator<Item = &str> {
        self.tags.keys().map(String::as_str)
    }

    /// The ranges of a tag; those of another case too if there is only one such tag. A tag may well have none.
    ///
    /// # Errors
    /// If the document does not have the tag, or memory cannot be had.
    pub fn get(&self, tag: &str) -> Result<List, TagError> {
        let ranges = match self.tags.get(tag) {
            Some(ranges) => ranges,
            None => {
                let mut alike = self.tags.iter().filter(|(known, _)| known.eq_ignore_ascii_case(tag));
                match (alike.next(), alike.next()) {
                    (Some((_, ranges)), None) => ranges,
                    _ => return Err(self.unknown(tag)),
                }
            }
        };
        Ok(List::new(ranges)?)
    }

    /// All ranges of the document.
    ///
    /// # Errors
    /// If memory cannot be had.
    pub fn all(&self) -> Result<List, OutOfMemory> {
        List::new(&self.all)
    }

    /// Near are tags a few slips of the keyboard away, then those that the text is a part of, the shortest first.
    fn unknown(&self, tag: &str) -> TagError {
        let part = tag.to_ascii_lowercase();
        let mut near: Vec<_> = self
            .tags()
            .filter_map(|known| {
                let far = distance(tag.as_bytes(), known.as_bytes());
                let slip = far <= 1 + known.len() / 4;
                let holds = !part.is_empty() && known.to_ascii_lowercase().contains(&part);
                (slip || holds).then_some((if slip { far } else { usize::MAX }, known.len(), known))
            })
            .collect();
        near.sort_unstable();
        let near = near.into_iter().take(NAMED).map(|(.., known)| known.to_owned()).collect();
        TagError::Unknown { tag: tag.into(), provider: self.provider, near }
    }

    fn azure(&mut self, root: &Node<'_>) -> Result<(), Wrong> {
        for value in root.required("values")?.items()? {
            let name = value.required("name")?.string()?;
            self.tag(name);
            for prefix in value.required("addressPrefixes")?.items()? {
                self.push(&prefix, None, &[name])?;
            }
        }
        Ok(())
    }

    fn aws(&mut self, root: &Node<'_>) -> Result<(), Wrong> {
        // Both lists must be there: half of a document is none.
        for (list, member, family) in
            [("prefixes", "ip_prefix", Version::V4), ("ipv6_prefixes", "ipv6_prefix", Version::V6)]
        {
            for entry in root.required(list)?.items()? {
                let service = entry.required("service")?.string()?;
                let region = entry.required("region")?.string()?;
                let group = entry.text("network_border_group")?.filter(|group| *group != region);
                let mut tags = Vec::from([service.to_owned()]);
                for place in [Some(region), group].into_iter().flatten() {
                    tags.extend([place.to_owned(), format!("{service}.{place}")]);
                }
                self.push(&entry.required(member)?, Some(family), &tags)?;
            }
        }
        Ok(())
    }

    fn google(&mut self, root: &Node<'_>) -> Result<(), Wrong> {
        for entry in root.required("prefixes")?.items()? {
            let (service, scope) = (entry.text("service")?, entry.text("scope")?);
            let both = service.zip(scope).map(|(service, scope)| format!("{service}.{scope}"));
            let tags: Vec<&str> = [service, scope, both.as_deref()].into_iter().flatten().collect();
            match (entry.member("ipv4Prefix")?, entry.member("ipv6Prefix")?) {
                (Some(prefix), None) => self.push(&prefix, Some(Version::V4), &tags)?,
                (None, Some(prefix)) => self.push(&prefix, Some(Version::V6), &tags)?,
                _ => return Err(entry.wrong("expected one of `ipv4Prefix` and `ipv6Prefix`")),
            }
        }
        Ok(())
    }

    /// Beside networks GitHub lists keys and domains, and what is added tomorrow. A list without any network is none of
    /// ours; in the others everything must be one.
    fn github(&mut self, root: &Node<'_>) -> Result<(), Wrong> {
        for (name, list) in root.members()? {
            let Value::Array(items) = list.value else { continue };
            let is_network = |item: &Value| item.as_str().is_some_and(|text| text::net_lenient(text).is_ok());
            if !items.is_empty() && !items.iter().any(is_network) {
                continue;
            }
            self.tag(name);
            for prefix in list.items()? {
                self.push(&prefix, None, &[name])?;
            }
        }
        Ok(())
    }

    fn cloudflare(&mut self, root: &Node<'_>) -> Result<(), Wrong> {
        let result = root.required("result")?;
        let mut lists = Vec::from([
            (result.required("ipv4_cidrs")?, Some(Version::V4)),
            (result.required("ipv6_cidrs")?, Some(Version::V6)),
        ]);
        // Only there if it was asked for.
        lists.extend(result.member("jdcloud_cidrs")?.map(|list| (list, None)));
        for (list, family) in lists {
            for prefix in list.items()? {
                self.push::<&str>(&prefix, family, &[])?;
            }
        }
        Ok(())
    }

    /// A tag that is there, if only without ranges.
    fn tag(&mut self, tag: &str) -> &mut Vec<IpRange> {
        self.tags.entry(tag.into()).or_default()
    }

    fn push<T: AsRef<str>>(&mut self, node: &Node<'_>, family: Option<Version>, tags: &[T]) -> Result<(), Wrong> {
        let range = IpRange::from(network(node, family)?);
        let grown = |ranges: &mut Vec<IpRange>| {
            ranges.try_reserve(1).map_err(|error| node.wrong(OutOfMemory::from(error)))?;
            ranges.push(range);
            Ok(())
        };
        grown(&mut self.all)?;
        tags.iter().try_for_each(|tag| grown(self.tag(tag.as_ref())))
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Version {
    V4,
    V6,
}

/// A network of the family that its list is for. A mapped one would be read as IPv4: nobody publishes that.
fn network(node: &Node<'_>, family: Option<Version>) -> Result<IpNet, Wrong> {
    let text = node.string()?;
    let net = node.network()?;
    let found = if matches!(net, IpNet::V4(_)) { Version::V4 } else { Version::V6 };
    if found == Version::V4 && text.contains(':') {
        return Err(node.wrong(format!("{}: an IPv4-mapped network", Quoted(text.as_bytes()))));
    }
    match family {
        Some(family) if family != found => Err(node.wrong(format!("{}: the other family", Quoted(text.as_bytes())))),
        _ => Ok(net),
    }
}
