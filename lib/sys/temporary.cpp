#include "sys/temporary.hpp"

#include <sys/stat.h>

#include <cerrno>
#include <cstdlib>

#include "sys/calls.hpp"
#include "sys/error.hpp"

namespace multiprocessing::sys {

std::string temporary_directory() {
  for (const char* const variable : {"TMPDIR", "TEMP", "TMP"}) {
    const char* const named = ::secure_getenv(variable);
    if (named == nullptr || *named != '/') continue;
    std::string path = named;
    while (path.size() > 1 && path.ends_with('/')) path.pop_back();
    return path;
  }
  return "/tmp";
}

bool make_private_directory(const std::string& path) {
  if (calls().mkdir(path.c_str(), S_IRWXU) == 0) return true;
  if (errno == EEXIST) return false;
  throw_errno("mkdir", path);
}

void remove_directory(const std::string& path) noexcept {
  calls().rmdir(path.c_str());
}

}  // namespace multiprocessing::sys
