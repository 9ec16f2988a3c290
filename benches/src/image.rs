//! Images: loading, which checks everything and builds the index, and saving.

use std::error::Error;
use std::fs;
use std::path::Path;

use cidrgate::Matcher;

use crate::measure::{Times, making};

pub(crate) fn measure(file: &Path, runs: usize) -> Result<(), Box<dyn Error>> {
    let image = fs::read(file)?;
    let matcher = Matcher::load(&image)?;
    let mut load = making(|| Matcher::load(&image));
    let mut save = making(|| matcher.save());
    let [load, save] = [&mut load, &mut save].map(|task| {
        let samples = (0..runs).map(|_| task(1).as_secs_f64() * 1e3).collect();
        let Times { median, fastest } = Times::of(samples);
        format!("{median:.2} ({fastest:.2}) ms")
    });
    println!("{}: {} bytes, {} rules, load {load}, save {save}", file.display(), image.len(), matcher.labels().len());
    Ok(())
}
