#include "sys/proc_stat.hpp"

#include <algorithm>
#include <cerrno>
#include <charconv>

#include "sys/io.hpp"
#include "sys/proc_path.hpp"

namespace multiprocessing::sys {

bool ProcStat::read(pid_t pid) noexcept {
  const ProcPath path("/proc/", pid, "/stat");
  const ssize_t length =
      read_text(pid == 0 ? "/proc/self/stat" : path.c_str(), text_.data(), text_.size());
  if (length < 0) return false;
  if (parse({text_.data(), static_cast<std::size_t>(length)})) return true;
  errno = EIO;
  return false;
}

bool ProcStat::parse(std::string_view text) noexcept {
  // The name stands in parentheses and may itself hold any; nothing after it does.
  const std::size_t name_end = text.rfind(')');
  after_name_ = name_end == std::string_view::npos ? std::string_view() : text.substr(name_end + 1);
  return !after_name_.empty();
}

std::uint64_t ProcStat::number(Field field) const noexcept {
  const std::string_view text = find(field);
  std::uint64_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

char ProcStat::letter(Field field) const noexcept {
  const std::string_view text = find(field);
  return text.empty() ? '\0' : text.front();
}

std::string_view ProcStat::find(Field field) const noexcept {
  std::string_view rest = after_name_;
  for (unsigned at = state; !rest.empty() && rest.front() == ' '; ++at) {
    rest.remove_prefix(1);
    const std::size_t end = std::min(rest.find(' '), rest.size());
    if (at == field) return rest.substr(0, end);
    rest.remove_prefix(end);
  }
  return {};
}

}  // namespace multiprocessing::sys
