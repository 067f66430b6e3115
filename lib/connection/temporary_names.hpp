#pragma once

// Names of local sockets that this process made, and the directory of those that it chose itself.
// All of them are removed when it ends by itself; a killed one leaves them behind.
//
// A forked child starts with none: what its parent made is its parent's.

#include <string>

namespace multiprocessing::connection {

/// A path that nobody has, in a directory of this process's own that only its user can enter:
/// /tmp/pymp-xxxxxxxx/listener-xxxxxxxx, below TMPDIR where that is set.
/// \throws std::system_error naming mkdir and the path.
[[nodiscard]] std::string temporary_socket_name();

/// The path of a socket that this process has bound; removed by the destructor, in this process.
class BoundPath {
 public:
  BoundPath() noexcept = default;
  BoundPath(const BoundPath&) = delete;
  BoundPath& operator=(const BoundPath&) = delete;
  ~BoundPath() { remove(); }

  /// Once.
  void set(std::string path);
  void remove() noexcept;

 private:
  std::string path_;
};

}  // namespace multiprocessing::connection
