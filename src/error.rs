//! The failure that any growing array can meet.

/// Memory for the result could not be had. Nothing was changed; smaller input may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("out of memory")]
pub struct OutOfMemory;

impl From<alloc::collections::TryReserveError> for OutOfMemory {
    fn from(_: alloc::collections::TryReserveError) -> Self {
        Self
    }
}

/// Sees that small allocations of so many bytes together will succeed. Names, notes, messages and the nodes of maps
/// cannot be asked for fallibly; this is asked for, and given back, in their place.
pub(crate) fn room(bytes: usize) -> Result<(), OutOfMemory> {
    /// What a few nodes of maps take, and the allocator itself.
    const SLACK: usize = 8192;
    let mut room = alloc::vec::Vec::<u8>::new();
    room.try_reserve_exact(bytes.saturating_add(SLACK))?;
    // The compiler must not see that nobody uses it.
    core::hint::black_box(&mut room);
    Ok(())
}
