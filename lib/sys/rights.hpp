#pragma once

/// \file sys/rights.hpp
/// What the calling thread may do, by its user, groups and capabilities.
///
///   threads   every function may be called concurrently
///   death     nothing to leave behind

#include <sys/types.h>

#include <array>
#include <cstdint>
#include <vector>

namespace multiprocessing::sys {

struct Rights {
  std::array<uid_t, 3> users{};    // real, effective, saved
  std::array<gid_t, 3> groups{};   // likewise
  std::vector<gid_t> more_groups;  // supplementary
  std::array<std::uint32_t, 6> capabilities{};
  bool no_new = false;  // PR_SET_NO_NEW_PRIVS

  friend bool operator==(const Rights&, const Rights&) = default;
};

[[nodiscard]] Rights own_rights();

/// Whether this program, executed anew by this process, would run with more rights than its user
/// (AT_SECURE), or does so now.
[[nodiscard]] bool gains_rights_by_exec() noexcept;

/// Whether it does so now.
[[nodiscard]] bool has_more_rights_than_user() noexcept;

}  // namespace multiprocessing::sys
