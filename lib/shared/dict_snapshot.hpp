#pragma once

// The entries of one leaf of a dict, copied as they are at one moment.

#include <multiprocessing/detail/dict_bytes.hpp>

#include "shared/dict_table.hpp"

namespace multiprocessing::shared {

/// Copies the entries of the leaf of `hash`; returns the leaf's depth. Takes no lock, unless values
/// with handles are wanted, or writers disturb it without end.
std::uint32_t copy_leaf(Table table, Word hash, bool values, detail::DictSnapshot& out);

/// Adds holds on what a record refers to. Requires the claim of its bucket.
void pin_handles(Word record, detail::DictBytes& out);

}  // namespace multiprocessing::shared
