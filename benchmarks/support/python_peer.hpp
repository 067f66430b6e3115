#pragma once

// A python3 that measures on request: writes a command to its standard input, reads a number of
// seconds from its standard output.

#include <sys/socket.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <string>

namespace benchmark_support {

class PythonPeer {
 public:
  explicit PythonPeer(const char* script) {
    int ends[2] = {-1, -1};  // NOLINT(modernize-avoid-c-arrays): what the call takes
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) std::abort();
    pid_ = ::fork();
    if (pid_ == 0) {
      ::dup2(ends[1], STDIN_FILENO);
      ::dup2(ends[1], STDOUT_FILENO);
      ::execlp("python3", "python3", script, static_cast<char*>(nullptr));
      ::_exit(127);
    }
    ::close(ends[1]);
    commands_ = ::fdopen(ends[0], "w");
    answers_ = ::fdopen(::dup(ends[0]), "r");
    if (commands_ == nullptr || answers_ == nullptr) std::abort();
  }
  PythonPeer(const PythonPeer&) = delete;
  PythonPeer& operator=(const PythonPeer&) = delete;
  ~PythonPeer() {
    (void)std::fclose(commands_);
    (void)std::fclose(answers_);
    ::waitpid(pid_, nullptr, 0);
  }

  /// False: there is no python3 here.
  static bool is_there() {
    // NOLINTNEXTLINE(concurrency-mt-unsafe,cert-env33-c): asked before any thread, of the PATH
    return std::system("command -v python3 >/dev/null 2>&1") == 0;
  }
  /// False: this python3 lacks a module that the command needs.
  bool can(const std::string& command) { return ask("can " + command) > 0; }
  /// Seconds that it took.
  double seconds(const std::string& command) { return ask(command); }

 private:
  double ask(const std::string& line) {
    double answer = 0;
    if (std::fprintf(commands_, "%s\n", line.c_str()) < 0 || std::fflush(commands_) != 0 ||
        std::fscanf(answers_, "%lf", &answer) != 1) {
      std::fprintf(stderr, "python3 has ended\n");
      std::exit(1);
    }
    return answer;
  }

  pid_t pid_ = -1;
  std::FILE* commands_ = nullptr;
  std::FILE* answers_ = nullptr;
};

}  // namespace benchmark_support
