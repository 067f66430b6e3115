#include "shared/segment.hpp"

#include <array>
#include <cerrno>
#include <cstdio>
#include <limits>
#include <span>
#include <string_view>
#include <utility>

#include <multiprocessing/errors.hpp>

#include "shared/segment_list.hpp"
#include "sys/error.hpp"
#include "sys/memory.hpp"
#include "sys/random.hpp"

namespace multiprocessing {
namespace {

// Above it a segment stays sparse: memory that may never be touched is not taken.
constexpr std::uint64_t kCommitted = std::uint64_t{64} << 20U;
constexpr std::size_t kLargest = std::numeric_limits<std::ptrdiff_t>::max();

std::string path_of(const std::string& name) {
  return std::string(sys::kNamedMemory) + "/" + name;
}

[[noreturn]] void refuse_name(std::string_view name, const std::string& why) {
  std::string shown(name.substr(0, 40));
  for (char& letter : shown) letter = letter == '\0' ? '?' : letter;
  if (name.size() > shown.size()) shown += "...";
  throw ValueError("'" + shown + "' cannot be the name of shared memory: " + why);
}

std::string checked_name(std::string_view name) {
  const std::size_t first = name.find_first_not_of('/');
  if (first == std::string_view::npos) refuse_name(name, "it is empty");
  const std::string_view bare = name.substr(first);
  if (bare.find('\0') != std::string_view::npos) refuse_name(name, "embedded null character");
  if (bare.find('/') != std::string_view::npos) {
    refuse_name(name, "it has a slash that is not the first character");
  }
  if (bare.size() > sys::kLongestName) {
    refuse_name(name, "it has " + std::to_string(bare.size()) + " bytes, and at most " +
                          std::to_string(sys::kLongestName) + " are possible");
  }
  if (bare == "." || bare == "..") refuse_name(name, "it is a directory");
  return std::string(bare);
}

std::string made_up_name() {
  std::uint32_t number = 0;
  sys::fill_with_random(std::as_writable_bytes(std::span(&number, 1)));
  std::array<char, 9> digits{};
  std::snprintf(digits.data(), digits.size(), "%08x", static_cast<unsigned>(number));
  return std::string("psm_") + digits.data();
}

[[noreturn]] void throw_no_room(int error, const std::string& path, std::uint64_t wanted) {
  sys::throw_error(error, "shm_open",
                   path + ": " + std::to_string(wanted) + " bytes wanted, " +
                       std::to_string(sys::free_bytes(sys::kNamedMemory)) + " bytes free in " +
                       sys::kNamedMemory);
}

// Who may, and who is asked to let others.
[[noreturn]] void throw_refused(int error, const char* call, const std::string& path,
                                const char* wanted) {
  const auto status = sys::status_of(path);
  if ((error != EACCES && error != EPERM) || !status) sys::throw_error(error, call, path);
  std::array<char, 8> mode{};
  std::snprintf(mode.data(), mode.size(), "%04o", status->permissions);
  sys::throw_error(error, call,
                   path + " belongs to user " + std::to_string(status->owner) + " and has mode " +
                       mode.data() + "; user " + std::to_string(sys::effective_user()) + " wants " +
                       wanted);
}

void give_memory(int fd, const std::string& path, std::uint64_t size, bool all) {
  if (const int error = sys::resize(fd, size); error != 0) {
    if (error == ENOSPC) throw_no_room(error, path, size);
    sys::throw_error(error, "ftruncate", path + " to " + std::to_string(size) + " bytes");
  }
  const std::uint64_t free = sys::free_bytes(sys::kNamedMemory);
  int error = free != 0 && size > free ? ENOSPC : 0;
  if (error == 0 && (all || size <= kCommitted)) error = sys::commit(fd, 0, size);
  if (error == EOPNOTSUPP || error == ENOSYS) return;  // not a memory file system: looked at above
  if (error != 0) throw_no_room(error, path, size);
}

}  // namespace

namespace detail {

void throw_bad_view(const std::string& name, std::size_t size, std::size_t offset,
                    std::size_t count, std::size_t each, std::size_t alignment) {
  throw ValueError("shared memory '" + name + "' of " + std::to_string(size) + " bytes has no " +
                   (count == kAll ? "" : std::to_string(count) + " ") + "elements of " +
                   std::to_string(each) + " bytes (aligned to " + std::to_string(alignment) +
                   ") at byte " + std::to_string(offset));
}

Segment::Segment(const SharedMemoryOptions& options, const Fill& fill) {
  if (options.size > kLargest) {
    throw ValueError("'size' must be a positive integer, and not above the address space: " +
                     std::to_string(options.size));
  }
  if (options.create && options.size == 0) {
    throw ValueError("'size' must be a positive number different from zero");
  }
  if (options.name.empty() && !options.create) {
    throw ValueError("'name' can only be left out if create is true");
  }
  if (!options.name.empty()) name_ = checked_name(options.name);
  if (options.create) {
    create(options, fill);
  } else {
    open();
  }
}

bool Segment::publish(const sys::NamelessFile& file, bool tracked) const {
  return tracked ? shared::publish_segment(file, name_) : file.link(path_of(name_));
}

void Segment::create(const SharedMemoryOptions& options, const Fill& fill) {
  const bool made_up = name_.empty();
  if (made_up) name_ = made_up_name();
  const sys::NamelessFile file(options.permissions);
  give_memory(file.fd(), path_of(name_), options.size, fill != nullptr);
  size_ = options.size;
  file_ = sys::status_of(file.fd());
  map(file.fd());
  try {
    if (fill) fill(bytes());
    for (bool cleaned_up = false; !publish(file, options.track);) {
      if (made_up) {
        name_ = made_up_name();
      } else if (!std::exchange(cleaned_up, true)) {
        shared::clean_up_after_the_dead();  // it may be what they left
      } else {
        sys::throw_error(EEXIST, "shm_open", path_of(name_));
      }
    }
  } catch (...) {
    close();
    throw;
  }
}

void Segment::open() {
  const std::string path = path_of(name_);
  const sys::UniqueFd fd = sys::open_named(path);
  if (!fd) throw_refused(errno, "shm_open", path, "to read and write it");
  file_ = sys::status_of(fd.get());
  if (!file_.is_regular) throw ValueError(path + " is not shared memory: it is no regular file");
  if (file_.size == 0) {
    throw ValueError(path + " is empty: whoever made it has not given it a size");
  }
  size_ = file_.size;
  map(fd.get());
}

void Segment::map(int fd) {
  // relaxed: nobody else has this object yet
  base_.store(sys::map_shared(fd, size_), std::memory_order_relaxed);
}

void Segment::close() noexcept {
  // relaxed: one of those who close gets the address
  if (std::byte* const base = base_.exchange(nullptr, std::memory_order_relaxed)) {
    sys::unmap(base, size_);
  }
}

void Segment::unlink() const {
  shared::unlink_segment(name_);
}

}  // namespace detail

namespace shared {

void unlink_segment(const std::string& name) {
  const std::string bare = checked_name(name);
  const std::string path = path_of(bare);
  const auto status = sys::status_of(path);
  if (!status || !sys::unlink_named(path)) throw_refused(errno, "shm_unlink", path, "to remove it");
  unlist_segment(bare, *status);
}

}  // namespace shared
}  // namespace multiprocessing
