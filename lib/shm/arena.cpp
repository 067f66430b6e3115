#include "shm/arena.hpp"

#include <sys/auxv.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <mutex>
#include <string>
#include <system_error>

#include <multiprocessing/errors.hpp>

#include "shm/local.hpp"
#include "shm/process_table.hpp"
#include "shm/ticket.hpp"
#include "sys/calls.hpp"
#include "sys/error.hpp"
#include "sys/memory.hpp"

namespace multiprocessing::shm {
namespace {

constexpr std::uint64_t kMagic = 0x31304152414E5250;  // "PRNARA01"
constexpr std::uint64_t kPage = 4096;
constexpr std::uint64_t kWarmLimit = std::uint64_t{256} << 20U;

constexpr std::uint64_t round_up(std::uint64_t value, std::uint64_t unit) {
  return (value + unit - 1) / unit * unit;
}

const char* environment(const char* name) noexcept {
  if (getauxval(AT_SECURE) != 0) return nullptr;
  return std::getenv(name);  // NOLINT(concurrency-mt-unsafe): once, at first use
}

std::uint64_t unit_of(char letter) noexcept {
  switch (std::toupper(static_cast<unsigned char>(letter))) {
    case 'K':
      return std::uint64_t{1} << 10U;
    case 'M':
      return std::uint64_t{1} << 20U;
    case 'G':
      return std::uint64_t{1} << 30U;
    case 'T':
      return std::uint64_t{1} << 40U;
    default:
      return 0;
  }
}

[[noreturn]] void refuse_size(const char* variable, const char* text, const std::string& why) {
  throw ValueError(std::string(variable) + "=" + text + ": " + why +
                   " (write bytes, or a number with K, M, G or T)");
}

std::uint64_t chosen_size() {
  const char* text = environment("MULTIPROCESSING_ARENA_SIZE");
  if (text == nullptr) return kDefaultArena;
  return parse_size("MULTIPROCESSING_ARENA_SIZE", text, kMinimumArena) / kPage * kPage;
}

std::uint64_t chosen_limit() {
  if (const char* text = environment("MULTIPROCESSING_ARENA_LIMIT")) {
    return parse_size("MULTIPROCESSING_ARENA_LIMIT", text, kMinimumArena);
  }
  return sys::memory_budget() / 10 * 8;
}

bool worth_halving(int error) noexcept {
  return error == ENOMEM || error == EAGAIN || error == EFBIG || error == EINVAL;
}

}  // namespace

std::uint64_t parse_size(const char* variable, const char* text, std::uint64_t minimum) {
  const std::string_view all(text);
  std::size_t digits = 0;
  std::uint64_t value = 0;
  for (; digits < all.size() && std::isdigit(static_cast<unsigned char>(all[digits])) != 0;
       ++digits) {
    const auto digit = static_cast<std::uint64_t>(all[digits] - '0');
    if (value > (std::uint64_t{1} << 58U) / 10) refuse_size(variable, text, "too large");
    value = value * 10 + digit;
  }
  const std::string_view suffix = all.substr(digits);
  const std::uint64_t unit = suffix.empty() ? 1 : unit_of(suffix.front());
  if (digits == 0 || suffix.size() > 1 || unit == 0) refuse_size(variable, text, "not a size");
  if (value > (std::uint64_t{1} << 60U) / unit) refuse_size(variable, text, "too large");
  value *= unit;
  if (value < minimum) refuse_size(variable, text, "below the minimum of 64M");
  return value;
}

Arena& Arena::make() {
  // a lock that a fork waits for, not a static's guard: a child would wait for that for ever
  const std::lock_guard guard(local().arena);
  if (instance_.load(std::memory_order_relaxed) == nullptr) {
    instance_.store(new Arena, std::memory_order_release);
  }
  return *instance_.load(std::memory_order_relaxed);
}

void Arena::adopt(int fd) {
  const std::lock_guard guard(local().arena);
  if (exists()) throw ValueError("this process has shared memory of its own already");
  instance_.store(new Arena(fd), std::memory_order_release);
}

Arena::Arena() {
  if (const Ticket* ticket = inherited_ticket()) {
    join(ticket->head().arena_fd);
    return;
  }
  const std::uint64_t wanted = chosen_size();
  const std::uint64_t limit = chosen_limit();
  for (std::uint64_t size = wanted;; size /= 2) {
    try {
      map(size);
      lay_out(size, limit);
      return;
    } catch (const std::system_error& error) {
      if (size / 2 < kMinimumArena || !worth_halving(error.code().value())) throw;
    }
  }
}

void Arena::map(std::uint64_t size) {
  sys::UniqueFd file = sys::create_memfd("multiprocessing", size);
  base_ = sys::map_shared(file.get(), size);
  use(file.release());
}

void Arena::use(int fd) {
  struct stat status{};
  if (sys::calls().fstat(fd, &status) != 0) sys::throw_errno("fstat");
  device_ = status.st_dev;
  inode_ = status.st_ino;
  fd_ = fd;
}

// Its family has laid it out.
void Arena::join(int fd) {
  use(fd);
  struct stat status{};
  if (sys::calls().fstat(fd, &status) != 0) sys::throw_errno("fstat");
  base_ = sys::map_shared(fd, static_cast<std::uint64_t>(status.st_size));
  const ArenaHeader& head = header();
  const std::uint64_t there = head.layout_id;
  if (head.magic.load(std::memory_order_acquire) == kMagic && there == layout_id()) return;
  sys::unmap(base_, static_cast<std::uint64_t>(status.st_size));
  throw ValueError("the arena of the other program has another layout: id " + shown(there) +
                   " there, " + shown(layout_id()) + " here");
}

std::string shown(std::uint64_t layout_id) {
  std::array<char, 24> text{};
  std::snprintf(text.data(), text.size(), "0x%llx", static_cast<unsigned long long>(layout_id));
  return text.data();
}

void Arena::lay_out(std::uint64_t size, std::uint64_t limit) {
  ArenaHeader& head = header();
  head.layout_id = layout_id();
  head.size = size;
  head.limit = std::min(limit, size);
  head.warm_limit = std::min(kWarmLimit, head.limit / 8);
  head.slot_count =
      std::clamp<std::uint64_t>(size / 32 / sizeof(Slot), 512, std::uint64_t{kMaxSlots});
  head.slots = kPage;
  head.chunk_words = round_up(head.slots + head.slot_count * sizeof(Slot), kPage);
  // 16 bytes of words and infos and 32 KiB of block words a chunk
  const std::uint64_t per_chunk = kChunkSize + 16 + kBlocksPerChunk * 8;
  head.chunk_count = (size - head.chunk_words - 2 * std::uint64_t{kPage} - kChunkSize) / per_chunk;
  head.chunk_count = std::min<std::uint64_t>(head.chunk_count, std::uint64_t{1} << 20U);
  head.chunk_infos = round_up(head.chunk_words + head.chunk_count * 8, kPage);
  head.block_words = round_up(head.chunk_infos + head.chunk_count * 8, kPage);
  head.chunks = round_up(head.block_words + head.chunk_count * kBlocksPerChunk * 8, kChunkSize);
  // relaxed: no other process exists yet; the magic below publishes
  head.chunks_used.store(1, std::memory_order_relaxed);  // chunk 0 is never handed out
  head.magic.store(kMagic, std::memory_order_release);
}

bool Arena::is_file(int fd) const noexcept {
  struct stat status{};
  return sys::calls().fstat(fd, &status) == 0 && status.st_dev == device_ &&
         status.st_ino == inode_;
}

std::uint64_t Arena::allocated_bytes() const {
  return sys::allocated_bytes(fd_);
}

}  // namespace multiprocessing::shm
