#pragma once

// The regular files below some paths.

#include <filesystem>
#include <functional>
#include <stdexcept>
#include <string>
#include <system_error>
#include <vector>

/// A path that nothing can be counted at. `what()` names it.
class BadPath : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

struct Visitor {
  std::function<void(const std::string& path)> file;
  std::function<void(const std::string& path, std::error_code why)> unreadable_directory;
};

/// Visits each of `tops` in turn: the file itself, or all files below. Symbolic links below a
/// directory, and what is neither a file nor a directory, are passed over.
/// \throws BadPath if one does not exist, or holds no file
void walk(const std::vector<std::filesystem::path>& tops, const Visitor& visitor);
