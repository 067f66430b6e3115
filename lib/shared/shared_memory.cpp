#include <functional>
#include <memory>
#include <ostream>
#include <span>
#include <string>

#include <multiprocessing/detail/shared_memory_handle.hpp>

#include "shared/segment.hpp"

namespace multiprocessing {

SharedMemory::SharedMemory(const SharedMemoryOptions& options)
    : segment_(std::make_shared<detail::Segment>(options)) {}

SharedMemory SharedMemory::filled(const SharedMemoryOptions& options,
                                  const std::function<void(std::span<std::byte>)>& fill) {
  return SharedMemory(std::make_shared<detail::Segment>(options, fill));
}

const std::string& SharedMemory::name() const noexcept {
  return segment_->name();
}

std::size_t SharedMemory::size() const noexcept {
  return segment_->size();
}

std::span<std::byte> SharedMemory::buf() const {
  const std::span<std::byte> bytes = segment_->bytes();
  if (bytes.empty()) {
    throw ValueError("shared memory '" + name() +
                     "' is closed in this process: close() comes after its last use");
  }
  return bytes;
}

void SharedMemory::close() const noexcept {
  segment_->close();
}

void SharedMemory::unlink() const {
  segment_->unlink();
}

bool SharedMemory::same(const SharedMemory& a, const SharedMemory& b) noexcept {
  return a.segment_->file().same_file(b.segment_->file());
}

std::size_t SharedMemory::hash() const noexcept {
  return std::hash<std::uint64_t>{}(segment_->file().inode);
}

void SharedMemory::print(std::ostream& out) const {
  out << "SharedMemory('" << name() << "', size=" << size() << ')';
}

}  // namespace multiprocessing
