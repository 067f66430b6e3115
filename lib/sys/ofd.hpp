#pragma once

/// \file sys/ofd.hpp
/// Record locks that belong to an open file description: held until its last descriptor is closed.
///
///   sharing   descriptors got by dup or fork share the description, hence the lock; `reopen` makes
///             a description of its own
///   threads   every function may be called concurrently
///   death     the kernel drops the lock when the last descriptor goes: on SIGKILL (also while the
///             process is still a zombie), on exit, and on exec (close-on-exec)

#include <cstdint>

#include "sys/fd.hpp"

namespace multiprocessing::sys {

/// Opens the file behind `fd` again, for reading and writing, as a new open file description.
/// \throws std::system_error naming open.
[[nodiscard]] UniqueFd reopen(int fd);

/// Locks one byte for the description of `fd`. False with `errno`: EAGAIN if another description
/// holds it, EBADF if `fd` is none. True if this description holds it already. Async-signal-safe.
[[nodiscard]] bool lock_byte(int fd, std::uint64_t offset) noexcept;

enum class Held {
  no,
  yes,            ///< also if the kernel could not say: a holder is never declared gone by mistake
  bad_descriptor  ///< EBADF: somebody closed it
};

/// Whether a description *other* than that of `fd` holds the byte: a description never sees its own
/// lock. Async-signal-safe.
[[nodiscard]] Held byte_held(int fd, std::uint64_t offset) noexcept;

}  // namespace multiprocessing::sys
