#include <multiprocessing/detail/file_descriptor.hpp>

#include <atomic>
#include <cstdint>
#include <utility>

#include <multiprocessing/detail/codec_stream.hpp>
#include <multiprocessing/detail/handle.hpp>

#include "shm/descriptor.hpp"
#include "sys/clock.hpp"
#include "sys/process.hpp"
#include "sys/surroundings.hpp"

namespace multiprocessing {
namespace detail {
namespace {

// Of a FileDescriptor and all that are sent as it. No two processes make the same one: a pid is not
// reused within a nanosecond.
struct Identity {
  std::uint64_t process = 0;
  std::uint64_t moment = 0;
  friend bool operator==(const Identity&, const Identity&) = default;
};

Identity make_identity() noexcept {
  static constinit std::atomic<std::uint32_t> count{0};
  const std::uint64_t number =
      count.fetch_add(1, std::memory_order_relaxed);  // its own: that is all
  return {static_cast<std::uint64_t>(sys::current_pid()) << 32U | number,
          static_cast<std::uint64_t>(sys::now())};
}

}  // namespace

class OpenFile {
 public:
  explicit OpenFile(sys::UniqueFd fd, Identity identity = make_identity()) noexcept
      : fd_(std::move(fd)), identity_(identity) {}

  [[nodiscard]] int fd() const noexcept { return fd_.get(); }
  [[nodiscard]] const Identity& identity() const noexcept { return identity_; }

 private:
  sys::UniqueFd fd_;
  Identity identity_;
};

void DescriptorTravel::encode(Writer& out, const FileDescriptor& file) {
  const auto travelling = std::make_shared<const Handle>(shm::send_descriptor(file.fileno()));
  out.handle({travelling->id()});
  out.keep(travelling);  // until the message holds it
  out.plain(file.file_->identity());
}

FileDescriptor DescriptorTravel::decode(Reader& in) {
  const std::uint64_t id = in.handle().value;
  const auto identity = in.plain<Identity>();
  const auto kind = static_cast<std::uint32_t>(shm::ObjectKind::descriptor);
  const Handle travelling = Handle::from_id(id, kind);
  return FileDescriptor(std::make_shared<const OpenFile>(shm::receive_descriptor(id), identity));
}

}  // namespace detail

FileDescriptor::FileDescriptor(int fd)
    : file_(std::make_shared<const detail::OpenFile>(sys::duplicate(fd))) {}

int FileDescriptor::fileno() const noexcept {
  return file_->fd();
}

bool FileDescriptor::same(const FileDescriptor& a, const FileDescriptor& b) noexcept {
  return a.file_->identity() == b.file_->identity();
}

std::size_t FileDescriptor::hash() const noexcept {
  const detail::Identity& identity = file_->identity();
  return std::hash<std::uint64_t>{}(identity.process * 0x9E3779B97F4A7C15U ^ identity.moment);
}

}  // namespace multiprocessing
