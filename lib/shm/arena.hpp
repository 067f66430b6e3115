#pragma once

// The one shared-memory file of a family of processes, mapped by each of them.
//
// Layout (all offsets from the mapping's base; sizes for the default 256 GiB)
//
//   0          4 KiB           header: magic (stored last), layout id, geometry, watch words
//   4 KiB      128 MiB         process table: one 2 KiB slot a process (process_table.hpp)
//   ...        8 MiB           chunk words: one 64-bit word a chunk (chunk.hpp)
//   ...        8 MiB           chunk infos: size class or run length, hint
//   ...        31 GiB          block words: 4096 a chunk, type-stable for ever (block.hpp)
//   ...        rest            chunks of 256 KiB
//
// Everything is sparse: what nobody has touched costs nothing. Tables are touched only up to what
// is in use; chunk memory is committed with fallocate when a chunk is handed out, so that a full
// machine gives ArenaExhausted and not SIGBUS. No code reads a hole of a chunk: it would allocate.
//
// Invariants
//   I1  Offsets, never pointers, are stored in the arena: each process maps it where it fits.
//   I2  A process has one arena from its first use of the library until it ends: that of its
//   family,
//       or, if it has joined another before its first use, that family's (join.hpp).
//
// Death: the header is written before any second process exists; the kernel frees the file with
// the last process that maps it.

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string>

namespace multiprocessing::shm {

using Offset = std::uint64_t;

inline constexpr std::uint64_t kChunkSize = std::uint64_t{256} << 10U;
inline constexpr std::uint32_t kBlocksPerChunk = 4096;
inline constexpr std::uint64_t kMinimumArena = std::uint64_t{64} << 20U;
inline constexpr std::uint64_t kDefaultArena = std::uint64_t{256} << 30U;

inline constexpr std::size_t kLastTick = 0;  // of family_words
inline constexpr std::size_t kSweepsEnded = 1;
inline constexpr std::size_t kStoreLock = 2;
inline constexpr std::size_t kStoreMade = 3;
inline constexpr std::size_t kStoreGone = 4;
inline constexpr std::size_t kSegmentsLock = 5;
inline constexpr std::size_t kSegmentList = 6;

/// The first page of the arena.
struct ArenaHeader {
  std::atomic<std::uint64_t> magic;  // stored last
  std::uint64_t layout_id;
  std::uint64_t size;
  std::uint64_t limit;  // bytes that may be committed
  std::uint64_t slot_count;
  std::uint64_t chunk_count;
  Offset slots;
  Offset chunk_words;
  Offset chunk_infos;
  Offset block_words;
  Offset chunks;
  std::uint64_t warm_limit;  // free chunks kept committed at the most

  alignas(64) std::atomic<std::uint64_t> slots_used;  // high-water mark of the process table
  std::atomic<std::uint64_t> chunks_used;             // high-water mark of the chunks
  std::atomic<std::uint64_t> warm_chunks;         // hint: committed free chunks, and freed since
  std::atomic<std::uint64_t> pools;               // list heads of upper floors, by kind
  alignas(64) std::atomic<std::uint64_t> deaths;  // of the family, ever
  alignas(64) std::atomic<std::uint64_t> seat;    // the watch's seat: a packed name or 0
  // 0: when the seat last ticked; 1: sweeps that ended; 2 to 4: the store of descriptors
  // (descriptor.hpp); 5 and 6: named segments (lib/shared); 7: numbers given to threads (lib/sync)
  alignas(64) std::atomic<std::uint64_t> family_words[8];
};

/// The mapping of this process. Thread-safe after construction.
class Arena {
 public:
  /// The process's arena; the first call makes it, or joins that of the ticket that the process was
  /// executed with (ticket.hpp).
  /// \throws ValueError for an unusable MULTIPROCESSING_ARENA_SIZE, _LIMIT or _TICKET,
  /// std::system_error.
  static Arena& get() {
    if (Arena* made = instance_.load(std::memory_order_acquire)) [[likely]]
      return *made;
    return make();
  }
  /// Whether `get` would give what is there already.
  [[nodiscard]] static bool exists() noexcept {
    return instance_.load(std::memory_order_acquire) != nullptr;
  }
  /// Makes the arena behind `fd`, which another program has made, this process's own.
  /// \throws ValueError if there is one already, or naming both layout ids; std::system_error
  static void adopt(int fd);

  /// The process's arena if it has been made; makes none.
  static Arena* made() noexcept { return instance_.load(std::memory_order_acquire); }

  [[nodiscard]] std::byte* base() const noexcept { return base_; }
  [[nodiscard]] ArenaHeader& header() const noexcept {
    return *reinterpret_cast<ArenaHeader*>(base_);
  }
  [[nodiscard]] int fd() const noexcept { return fd_; }
  /// What tells the file from every other.
  [[nodiscard]] std::uint64_t device() const noexcept { return device_; }
  [[nodiscard]] std::uint64_t inode() const noexcept { return inode_; }
  /// Whether `fd` is open on the arena's file: a host may have closed all descriptors, and have
  /// made one of its own with that number.
  [[nodiscard]] bool is_file(int fd) const noexcept;
  [[nodiscard]] bool owns_fd() const noexcept { return is_file(fd_); }

  template <class T>
  [[nodiscard]] T* at(Offset offset) const noexcept {
    return reinterpret_cast<T*>(base_ + offset);
  }
  [[nodiscard]] Offset offset_of(const void* address) const noexcept {
    return static_cast<Offset>(static_cast<const std::byte*>(address) - base_);
  }
  [[nodiscard]] bool contains(const void* address) const noexcept {
    return address >= base_ && address < base_ + header().size;
  }

  /// Bytes of memory that the kernel has given to the file (fstat).
  [[nodiscard]] std::uint64_t allocated_bytes() const;

  Arena(const Arena&) = delete;
  Arena& operator=(const Arena&) = delete;

 private:
  Arena();
  explicit Arena(int fd) { join(fd); }
  static Arena& make();
  void map(std::uint64_t size);
  void join(int fd);
  void use(int fd);
  void lay_out(std::uint64_t size, std::uint64_t limit);

  // never destroyed: static destructors may drop handles
  inline static constinit std::atomic<Arena*> instance_{nullptr};

  int fd_ = -1;
  std::uint64_t device_ = 0;
  std::uint64_t inode_ = 0;
  std::byte* base_ = nullptr;
};

inline Arena& arena() {
  return Arena::get();
}

/// Of this library's shared layouts: programs with different ids refuse each other. Computed from
/// what every room lays into the arena (layout.hpp), so lib/layout defines it.
std::uint64_t layout_id() noexcept;
/// "0x1f"
std::string shown(std::uint64_t layout_id);

/// Parses "64M", "2G", "1073741824". \throws ValueError naming `variable` and `text`.
std::uint64_t parse_size(const char* variable, const char* text, std::uint64_t minimum);

}  // namespace multiprocessing::shm
