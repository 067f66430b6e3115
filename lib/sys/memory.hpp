#pragma once

/// \file sys/memory.hpp
/// Anonymous shared memory: files, mappings, and how much of them is real.
///
///   sharing   a mapping made by `map_shared` is inherited by fork and seen by all
///   threads   every function may be called concurrently
///   death     the kernel frees a file with its last descriptor and mapping

#include <cstddef>
#include <cstdint>

#include "sys/budget.hpp"  // IWYU pragma: export
#include "sys/fd.hpp"

namespace multiprocessing::sys {

/// An empty anonymous file that can be sealed, close-on-exec.
/// \throws std::system_error naming memfd_create.
[[nodiscard]] UniqueFd make_memfd(const char* name);

/// Makes a sparse anonymous file of exactly `size` bytes, sealed against growing, shrinking and
/// further seals (and, where the kernel knows it, against being executed). Punching holes works.
/// RLIMIT_FSIZE below `size` is EFBIG, never a signal.
/// \throws std::system_error naming memfd_create, ftruncate or fcntl.
[[nodiscard]] UniqueFd create_memfd(const char* name, std::uint64_t size);

/// Whether `fd` is a file of this user of at least a page that is sealed as `create_memfd` does.
[[nodiscard]] bool is_own_sealed_memfd(int fd) noexcept;

/// Gives a file `size` bytes, sparse where it grows. Returns 0 or the error number; RLIMIT_FSIZE
/// below `size` is EFBIG, never a signal.
[[nodiscard]] int resize(int fd, std::uint64_t size) noexcept;

/// Maps the file's first `size` bytes for reading and writing, shared, without reserving memory,
/// excluded from core dumps (a dump would fault in every hole).
/// \throws std::system_error naming mmap or madvise.
[[nodiscard]] std::byte* map_shared(int fd, std::uint64_t size);

/// Undoes `map_shared` or `wipe_on_fork_page`.
void unmap(void* address, std::uint64_t size) noexcept;

/// Backs [offset, offset + length) with memory now, so that touching it can no longer fail. Returns
/// 0 or the error number (ENOSPC, ENOMEM). What was there stays.
[[nodiscard]] int commit(int fd, std::uint64_t offset, std::uint64_t length) noexcept;

/// Gives the memory of [offset, offset + length) back; it reads as zeros after. Best effort.
void punch(int fd, std::uint64_t offset, std::uint64_t length) noexcept;

/// Memory that the file really occupies.
/// \throws std::system_error naming fstat.
[[nodiscard]] std::uint64_t allocated_bytes(int fd);

/// Size of a page.
[[nodiscard]] std::uint64_t page_size() noexcept;

/// A private page of zeros that is all zeros again in every process that comes to life from this
/// one, however it does (fork, _Fork, raw clone without CLONE_VM).
/// \throws std::system_error naming mmap or madvise.
[[nodiscard]] void* wipe_on_fork_page();

}  // namespace multiprocessing::sys
