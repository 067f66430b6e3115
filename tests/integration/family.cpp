#include "integration/family.hpp"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cctype>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <fstream>
#include <system_error>
#include <utility>

namespace multiprocessing::test {
namespace {

namespace fs = std::filesystem;

int check(int result, const char* call) {
  if (result < 0) throw std::system_error(errno, std::generic_category(), call);
  return result;
}

std::array<int, 2> make_pipe() {
  std::array<int, 2> ends{};
  check(::pipe2(ends.data(), O_CLOEXEC), "pipe2");
  return ends;
}

fs::path make_directory() {
  std::string name = fs::temp_directory_path() / "integration_XXXXXX";
  if (::mkdtemp(name.data()) == nullptr) check(-1, "mkdtemp");
  return name;
}

// Device, inode and name of the library's shared-memory files that a process maps.
std::set<std::string> arenas_of(const fs::path& process) {
  std::set<std::string> found;
  std::ifstream maps(process / "maps");
  for (std::string line; std::getline(maps, line);) {
    if (line.find("/memfd:multiprocessing") == std::string::npos) continue;
    // address, rights, offset, then what is wanted
    std::size_t at = 0;
    for (int field = 0; field < 3; ++field) at = line.find(' ', at) + 1;
    found.insert(line.substr(at));
  }
  return found;
}

}  // namespace

Family::Family(const std::string& argument, const std::vector<std::string>& environment)
    : directory_(make_directory()), output_(make_pipe()) {
  check(::prctl(PR_SET_CHILD_SUBREAPER, 1), "prctl");
  first_ = check(::fork(), "fork");
  if (first_ == 0) execute(argument, environment);
  ::close(std::exchange(output_[1], -1));
}

// Runs in the child.
void Family::execute(const std::string& argument,
                     const std::vector<std::string>& environment) const {
  require(::setpgid(0, 0) == 0);
  require(::dup2(output_[1], STDOUT_FILENO) == STDOUT_FILENO);
  require(::chdir(directory_.c_str()) == 0);
  // NOLINTBEGIN(concurrency-mt-unsafe): the child has one thread
  for (const std::string& variable : environment) {
    const auto equals = variable.find('=');
    require(::setenv(variable.substr(0, equals).c_str(), variable.c_str() + equals + 1, 1) == 0);
  }
  require(::setenv("TMPDIR", directory_.c_str(), 1) == 0);
  // NOLINTEND(concurrency-mt-unsafe)
  ::execl(INTEGRATION_PROGRAM, INTEGRATION_PROGRAM, argument.c_str(), nullptr);
  require(false);
}

Family::~Family() {
  if (!reaped_) ::kill(-first_, SIGKILL);
  for (const pid_t left : mappers()) ::kill(left, SIGKILL);
  while (::waitpid(-1, nullptr, 0) > 0 || errno == EINTR) {
  }
  ::close(output_[0]);
  ::prctl(PR_SET_CHILD_SUBREAPER, 0);
  std::error_code ignored;
  fs::remove_all(directory_, ignored);
}

std::string Family::line() {
  std::string text;
  for (char byte = 0; ::read(output_[0], &byte, 1) == 1 && byte != '\n';) text.push_back(byte);
  note_arena();
  return text;
}

std::string Family::output() const {
  std::string text;
  for (char byte = 0; ::read(output_[0], &byte, 1) == 1;) text.push_back(byte);
  return text;
}

Status Family::wait() {
  while (!reaped_) reaped_ = ::waitpid(first_, &raw_status_, 0) == first_;
  if (WIFSIGNALED(raw_status_)) return killed_by(WTERMSIG(raw_status_));
  return exited(WEXITSTATUS(raw_status_));
}

void Family::kill_all() const {
  check(::kill(-first_, SIGKILL), "kill");
}

void Family::kill_first() const {
  check(::kill(first_, SIGKILL), "kill");
}

bool Family::is_gone() {
  for (;;) {
    int status = 0;
    const pid_t ended = ::waitpid(-1, &status, WNOHANG);
    if (ended == 0) return false;
    if (ended < 0) return errno == ECHILD;
    if (ended != first_) continue;
    reaped_ = true;
    raw_status_ = status;
  }
}

void Family::note_arena() {
  const auto found = arenas_of(fs::path("/proc") / std::to_string(first_));
  if (!found.empty()) arena_ = *found.begin();
}

std::set<pid_t> Family::mappers() const {
  std::set<pid_t> found;
  for (const auto& entry : fs::directory_iterator("/proc")) {
    const std::string name = entry.path().filename();
    pid_t pid = 0;
    const char* const end = std::from_chars(name.data(), name.data() + name.size(), pid).ptr;
    const bool is_process = end == name.data() + name.size();
    if (is_process && arenas_of(entry.path()).contains(arena_)) found.insert(pid);
  }
  return found;
}

std::set<fs::path> Family::files() const {
  std::set<fs::path> found;
  for (const auto& entry : fs::directory_iterator(directory_)) found.insert(entry.path());
  return found;
}

}  // namespace multiprocessing::test
