#include "sys/error.hpp"

#include <cerrno>
#include <system_error>

namespace multiprocessing::sys {

void throw_error(int error, const char* call, const std::string& detail) {
  std::string where = call;
  if (!detail.empty()) where += ": " + detail;
  throw std::system_error(error, std::system_category(), where);
}

void throw_errno(const char* call, const std::string& detail) {
  throw_error(errno, call, detail);
}

}  // namespace multiprocessing::sys
