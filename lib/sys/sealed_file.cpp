#include "sys/sealed_file.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <utility>

#include "sys/calls.hpp"
#include "sys/error.hpp"
#include "sys/io.hpp"
#include "sys/memory.hpp"

namespace multiprocessing::sys {
namespace {

constexpr int kSeals = F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL;

}  // namespace

UniqueFd seal_bytes(const char* name, std::span<const std::byte> bytes) {
  UniqueFd file = make_memfd(name);
  if (!write_full(file.get(), bytes.data(), bytes.size())) throw_errno("write", name);
  if (calls().fcntl_int(file.get(), F_ADD_SEALS, kSeals) != 0) throw_errno("fcntl", "F_ADD_SEALS");
  return file;
}

SealedFile SealedFile::open(int fd) noexcept {
  SealedFile file;
  struct stat status{};
  if (calls().fstat(fd, &status) != 0 || !S_ISREG(status.st_mode)) return file;
  if (status.st_uid != ::geteuid() || status.st_size <= 0) return file;
  const int seals = calls().fcntl_int(fd, F_GET_SEALS, 0);
  if (seals < 0 || (seals & kSeals) != kSeals) return file;
  const auto size = static_cast<std::size_t>(status.st_size);
  void* const address = calls().mmap(nullptr, size, PROT_READ, MAP_PRIVATE, fd, 0);
  if (address != MAP_FAILED) file.bytes_ = {static_cast<const std::byte*>(address), size};
  return file;
}

SealedFile::SealedFile(SealedFile&& other) noexcept : bytes_(std::exchange(other.bytes_, {})) {}

SealedFile& SealedFile::operator=(SealedFile&& other) noexcept {
  std::swap(bytes_, other.bytes_);
  return *this;
}

SealedFile::~SealedFile() {
  if (!bytes_.empty()) calls().munmap(const_cast<std::byte*>(bytes_.data()), bytes_.size());
}

}  // namespace multiprocessing::sys
