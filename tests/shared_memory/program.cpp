#include "shared_memory/program.hpp"

#include <fcntl.h>
#include <signal.h>  // NOLINT(modernize-deprecated-headers): kill is POSIX
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <system_error>
#include <utility>

#include <gtest/gtest.h>

namespace multiprocessing::test {
namespace {

std::array<int, 2> make_pipe() {
  std::array<int, 2> pipe{};
  if (::pipe2(pipe.data(), O_CLOEXEC) != 0) {
    throw std::system_error(errno, std::generic_category(), "pipe2");
  }
  return pipe;
}

void close_once(int& fd) {
  if (fd >= 0) ::close(std::exchange(fd, -1));
}

}  // namespace

Program Program::cpp(const std::string& environment) {
  return Program({TEST_SEGMENT_PEER}, environment);
}

Program Program::python() {
  return Program({TEST_PYTHON, "-I", TEST_SEGMENT_PEER_PY});
}

Program::Program(std::vector<std::string> words, const std::string& environment) {
  std::vector<char*> pointers;
  for (std::string& word : words) pointers.push_back(word.data());
  pointers.push_back(nullptr);
  const auto input = make_pipe();
  const auto output = make_pipe();
  std::string variable = environment;
  pid_ = ::fork();
  if (pid_ == 0) {
    ::setpgid(0, 0);
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (!variable.empty()) ::putenv(variable.data());
    ::dup2(input[0], STDIN_FILENO);
    ::dup2(output[1], STDOUT_FILENO);
    ::execvp(pointers[0], pointers.data());
    ::_exit(127);
  }
  if (pid_ < 0) throw std::system_error(errno, std::generic_category(), "fork");
  ::setpgid(pid_, pid_);
  group_ = pid_;
  ::close(input[0]);
  ::close(output[1]);
  input_ = input[1];
  output_ = output[0];
}

Program::Program(Program&& other) noexcept
    : pid_(std::exchange(other.pid_, -1)),
      group_(std::exchange(other.group_, -1)),
      input_(std::exchange(other.input_, -1)),
      output_(std::exchange(other.output_, -1)) {}

Program::~Program() {
  kill_all();
  close_once(input_);
  close_once(output_);
}

std::string Program::ask(const std::string& line) {
  const std::string text = line + "\n";
  struct sigaction ignore{};
  struct sigaction before{};
  ignore.sa_handler = SIG_IGN;
  ::sigaction(SIGPIPE, &ignore, &before);
  const bool written =
      ::write(input_, text.data(), text.size()) == static_cast<ssize_t>(text.size());
  ::sigaction(SIGPIPE, &before, nullptr);
  std::string answer;
  char letter = 0;
  while (written && ::read(output_, &letter, 1) == 1 && letter != '\n') answer += letter;
  return answer;
}

void Program::kill_all() {
  if (group_ <= 1) return;
  ::kill(-group_, SIGKILL);
  wait();
  // Whoever has its standard output is of its group.
  char letter = 0;
  while (::read(output_, &letter, 1) == 1) {
  }
}

void Program::kill_itself() {
  if (pid_ > 1) ::kill(pid_, SIGKILL);
  wait();
}

void Program::signal_all(int signal) const {
  if (group_ > 1) ::kill(-group_, signal);
}

int Program::end() {
  (void)ask("exit_by_return");
  return wait();
}

int Program::wait() {
  if (pid_ <= 0) return -1;
  int status = 0;
  while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
  }
  pid_ = -1;
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

bool is_there(const std::string& name) {
  return std::filesystem::exists("/dev/shm/" + name);
}

std::string fresh_name() {
  static std::atomic<int> count{0};
  return "segment_test_" + std::to_string(::getpid()) + "_" + std::to_string(++count);
}

void start_another() {
  Program another = Program::cpp();
  EXPECT_EQ(another.ask("hello"), "ok");
  EXPECT_EQ(another.end(), 0);
}

std::vector<std::string> names_that_begin(const std::string& prefix) {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator("/dev/shm")) {
    std::string name = entry.path().filename();
    if (name.starts_with(prefix)) names.push_back(std::move(name));
  }
  return names;
}

std::string list_of(const std::string& name) {
  for (const std::string& list : names_that_begin("multiprocessing-")) {
    std::ifstream in("/dev/shm/" + list, std::ios::binary);
    const std::string text{std::istreambuf_iterator<char>(in), {}};
    if (text.find(name + '\0') != std::string::npos) return list;
  }
  return {};
}

}  // namespace multiprocessing::test
