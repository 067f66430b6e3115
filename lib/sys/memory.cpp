#include "sys/memory.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <ctime>

#include "sys/calls.hpp"
#include "sys/error.hpp"

namespace multiprocessing::sys {
namespace {

constexpr int kSizeSeals = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL;

// Keeps SIGXFSZ away from the program while a file is sized, and takes back the one that this
// thread earned by it. One that was pending before stays so.
class BlockedFileSizeSignal {
 public:
  BlockedFileSizeSignal() noexcept {
    sigset_t pending;
    sigemptyset(&pending);
    sigpending(&pending);
    was_pending_ = sigismember(&pending, SIGXFSZ) == 1;
    sigemptyset(&signal_);
    sigaddset(&signal_, SIGXFSZ);
    pthread_sigmask(SIG_BLOCK, &signal_, &before_);
  }
  BlockedFileSizeSignal(const BlockedFileSizeSignal&) = delete;
  BlockedFileSizeSignal& operator=(const BlockedFileSizeSignal&) = delete;
  ~BlockedFileSizeSignal() {
    const int saved = errno;
    if (!was_pending_) {
      constexpr std::timespec kAtOnce{};
      while (sigtimedwait(&signal_, nullptr, &kAtOnce) < 0 && errno == EINTR) {
      }
    }
    pthread_sigmask(SIG_SETMASK, &before_, nullptr);
    errno = saved;
  }

 private:
  sigset_t signal_{};
  sigset_t before_{};
  bool was_pending_ = false;
};

int truncate_quietly(int fd, std::uint64_t size) noexcept {
  const BlockedFileSizeSignal blocked;
  int result = -1;
  do {
    result = calls().ftruncate(fd, static_cast<off_t>(size));
  } while (result != 0 && errno == EINTR);
  return result;
}

int fallocate_through_signals(int fd, int mode, std::uint64_t offset,
                              std::uint64_t length) noexcept {
  int result = -1;
  do {
    result = calls().fallocate(fd, mode, static_cast<off_t>(offset), static_cast<off_t>(length));
  } while (result != 0 && errno == EINTR);
  return result == 0 ? 0 : errno;
}

// Advises on a mapping, which is undone if the advice is refused.
void advise_or_unmap(void* address, std::uint64_t size, int advice) {
  if (calls().madvise(address, size, advice) == 0) return;
  const int error = errno;
  unmap(address, size);
  throw_error(error, "madvise");
}

}  // namespace

// Refusing execution is newer (Linux 6.3) than sealing; some systems demand it.
UniqueFd make_memfd(const char* name) {
  constexpr unsigned kNoexecSeal = 0x0008U;  // MFD_NOEXEC_SEAL; glibc 2.36 has no name for it
  constexpr unsigned kFlags = MFD_CLOEXEC | MFD_ALLOW_SEALING;
  int fd = calls().memfd_create(name, kFlags | kNoexecSeal);
  if (fd < 0 && errno == EINVAL) fd = calls().memfd_create(name, kFlags);
  if (fd < 0) throw_errno("memfd_create");
  return UniqueFd(above_standard_streams(fd));
}

UniqueFd create_memfd(const char* name, std::uint64_t size) {
  UniqueFd file = make_memfd(name);
  if (truncate_quietly(file.get(), size) != 0) throw_errno("ftruncate");
  if (calls().fcntl_int(file.get(), F_ADD_SEALS, kSizeSeals) != 0) {
    throw_errno("fcntl", "F_ADD_SEALS");
  }
  return file;
}

bool is_own_sealed_memfd(int fd) noexcept {
  struct stat status{};
  if (calls().fstat(fd, &status) != 0 || !S_ISREG(status.st_mode)) return false;
  if (status.st_uid != ::geteuid() || status.st_size < static_cast<off_t>(page_size()))
    return false;
  const int seals = calls().fcntl_int(fd, F_GET_SEALS, 0);
  return seals >= 0 && (seals & kSizeSeals) == kSizeSeals;
}

int resize(int fd, std::uint64_t size) noexcept {
  return truncate_quietly(fd, size) == 0 ? 0 : errno;
}

std::byte* map_shared(int fd, std::uint64_t size) {
  void* const address =
      calls().mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, fd, 0);
  if (address == MAP_FAILED) throw_errno("mmap");
  advise_or_unmap(address, size, MADV_DONTDUMP);
  return static_cast<std::byte*>(address);
}

void unmap(void* address, std::uint64_t size) noexcept {
  calls().munmap(address, size);
}

int commit(int fd, std::uint64_t offset, std::uint64_t length) noexcept {
  return fallocate_through_signals(fd, 0, offset, length);
}

void punch(int fd, std::uint64_t offset, std::uint64_t length) noexcept {
  fallocate_through_signals(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, offset, length);
}

std::uint64_t allocated_bytes(int fd) {
  constexpr std::uint64_t kStatBlock = 512;
  struct stat status{};
  if (calls().fstat(fd, &status) != 0) throw_errno("fstat");
  return static_cast<std::uint64_t>(status.st_blocks) * kStatBlock;
}

std::uint64_t page_size() noexcept {
  static const auto size = static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
  return size;
}

void* wipe_on_fork_page() {
  void* const page = calls().mmap(nullptr, page_size(), PROT_READ | PROT_WRITE,
                                  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (page == MAP_FAILED) throw_errno("mmap");
  advise_or_unmap(page, page_size(), MADV_WIPEONFORK);
  return page;
}

}  // namespace multiprocessing::sys
