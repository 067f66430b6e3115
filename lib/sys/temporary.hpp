#pragma once

/// \file sys/temporary.hpp
/// Directories for what shall not stay.
///
///   death     a directory stays until somebody removes it

#include <string>

namespace multiprocessing::sys {

/// Where temporary files go: TMPDIR, TEMP or TMP, unless the program runs with somebody else's
/// rights; else /tmp.
[[nodiscard]] std::string temporary_directory();

/// Makes a directory that only this user can enter; false if there is something of that name.
/// \throws std::system_error naming mkdir and the path.
[[nodiscard]] bool make_private_directory(const std::string& path);

/// Removes an empty one; whether it is there does not matter.
void remove_directory(const std::string& path) noexcept;

}  // namespace multiprocessing::sys
