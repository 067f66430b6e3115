#pragma once

/// \file multiprocessing/shared_memory.hpp
/// Shared memory with a name, which any program can open: SharedMemory and ShareableList.
///
/// Mirrors `multiprocessing.shared_memory`, and shares its names (/dev/shm), sizes and layouts:
/// what one side makes, the other opens.
///
///   sharing   copies are one mapping of this process. It travels by its name: whoever receives it
///             maps the segment anew, as everybody does who opens it by name
///   threads   every member may be called concurrently from any thread
///   ordering  none: the bytes are the user's, who orders access to them by a lock or a queue
///   death     a segment is there whole or not at all. It goes with the last process of the family
///             that made it; if that was killed whole, at the next start of a program of this user,
///             once nobody else has it open. A process that only opened a segment never removes it
///
/// (Python up to 3.12 removes at its end what it has merely opened: `docs/porting.md`.)
///
/// \code
///   multiprocessing::SharedMemory memory({.create = true, .size = 800});
///   std::span<double> numbers = memory.as<double>();
///   numbers[0] = 1.5;
///   multiprocessing::Process child([](multiprocessing::SharedMemory same) {
///     same.as<double>()[1] = 2.5;
///   }, memory);
/// \endcode

#include <multiprocessing/detail/shareable_list.hpp>
#include <multiprocessing/detail/shared_memory_handle.hpp>
#include <multiprocessing/detail/vocabulary.hpp>
