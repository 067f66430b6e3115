#include "sys/rights.hpp"

#include <linux/capability.h>
#include <sys/auxv.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "sys/calls.hpp"

namespace multiprocessing::sys {

Rights own_rights() {
  Rights rights;
  (void)::getresuid(rights.users.data(), &rights.users[1], &rights.users[2]);
  (void)::getresgid(rights.groups.data(), &rights.groups[1], &rights.groups[2]);
  if (const int count = ::getgroups(0, nullptr); count > 0) {
    rights.more_groups.resize(static_cast<std::size_t>(count));
    const int got = ::getgroups(count, rights.more_groups.data());
    rights.more_groups.resize(static_cast<std::size_t>(got > 0 ? got : 0));
  }
  struct __user_cap_header_struct head{};
  head.version = _LINUX_CAPABILITY_VERSION_3;
  std::array<struct __user_cap_data_struct, _LINUX_CAPABILITY_U32S_3> sets{};
  if (::syscall(SYS_capget, &head, sets.data()) == 0) {
    for (std::size_t i = 0; i < sets.size(); ++i) {
      rights.capabilities[3 * i] = sets[i].effective;
      rights.capabilities[3 * i + 1] = sets[i].permitted;
      rights.capabilities[3 * i + 2] = sets[i].inheritable;
    }
  }
  rights.no_new = calls().prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1;
  return rights;
}

bool has_more_rights_than_user() noexcept {
  return ::getauxval(AT_SECURE) != 0;
}

bool gains_rights_by_exec() noexcept {
  if (has_more_rights_than_user()) return true;
  if (::getuid() != ::geteuid() || ::getgid() != ::getegid()) return true;
  struct stat program{};
  if (::stat("/proc/self/exe", &program) != 0) return false;
  if (calls().prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1) return false;
  if ((program.st_mode & S_ISUID) != 0 && program.st_uid != ::geteuid()) return true;
  constexpr mode_t kSetGroup = S_ISGID | S_IXGRP;
  return (program.st_mode & kSetGroup) == kSetGroup && program.st_gid != ::getegid();
}

}  // namespace multiprocessing::sys
