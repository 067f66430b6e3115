#include "sys/descriptor_group.hpp"

#include "sys/calls.hpp"
#include "sys/error.hpp"

namespace multiprocessing::sys {

DescriptorGroup::DescriptorGroup() : group_(calls().epoll_create1(EPOLL_CLOEXEC)) {
  if (!group_) throw_errno("epoll_create1");
}

void DescriptorGroup::add(int fd) {
  epoll_event event{};
  event.events = EPOLLIN;
  if (calls().epoll_ctl(group_.get(), EPOLL_CTL_ADD, fd, &event) < 0) throw_errno("epoll_ctl");
}

void DescriptorGroup::remove(int fd) noexcept {
  (void)calls().epoll_ctl(group_.get(), EPOLL_CTL_DEL, fd, nullptr);
}

}  // namespace multiprocessing::sys
