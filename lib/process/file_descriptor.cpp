#include <multiprocessing/detail/file_descriptor.hpp>

#include "sys/surroundings.hpp"

namespace multiprocessing {
namespace {

struct CloseAndDelete {
  void operator()(const int* fd) const noexcept {
    const sys::UniqueFd closed(*fd);
    delete fd;
  }
};

}  // namespace

FileDescriptor::FileDescriptor(int fd) {
  sys::UniqueFd copy = sys::duplicate(fd);
  std::unique_ptr<const int, CloseAndDelete> owned(new int(copy.get()));
  (void)copy.release();
  fd_ = std::move(owned);
}

}  // namespace multiprocessing
