// Start and join of one process, under each method, beside what the kernel can do at the least.
//
//   start_benchmark [ROUNDS]
//
// With 10 MiB and with 1 GiB of touched memory, and fork with 100,000 live handles. Rounds of ours
// and of the peers take turns; medians, and the least and the most, in microseconds.

#include <multiprocessing/context.hpp>

#include <spawn.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <string>
#include <vector>

namespace mp = multiprocessing;

namespace {

constexpr std::size_t kMiB = std::size_t{1} << 20U;
constexpr std::size_t kPage = 4096;
constexpr int kStartsPerRound = 20;

struct Contender {
  std::string name;
  std::function<void()> start_and_join;
  std::vector<double> microseconds;
};

void must(bool condition, const char* what) {
  if (condition) return;
  std::perror(what);
  std::exit(1);
}

void wait_for(pid_t pid) {
  int status = 0;
  must(::waitpid(pid, &status, 0) == pid && status == 0, "waitpid");
}

void bare_fork() {
  const pid_t pid = ::fork();
  if (pid == 0) ::_exit(0);
  must(pid > 0, "fork");
  wait_for(pid);
}

void bare_spawn() {
  pid_t pid = 0;
  std::string program = "/bin/true";
  char* const arguments[] = {program.data(), nullptr};  // NOLINT(modernize-avoid-c-arrays): C's
  must(::posix_spawn(&pid, program.c_str(), nullptr, nullptr, arguments, ::environ) == 0, "spawn");
  wait_for(pid);
}

void ours(mp::StartMethod method) {
  mp::Process process({.method = method}, [] {});
  process.start();
  must(process.join() && process.exitcode() == 0, "join");
}

std::vector<Contender> contenders() {
  return {{"fork, _exit, waitpid (bare)", bare_fork, {}},
          {"posix_spawn of /bin/true (bare)", bare_spawn, {}},
          {"Process, fork", [] { ours(mp::StartMethod::fork); }, {}},
          {"Process, forkserver", [] { ours(mp::StartMethod::forkserver); }, {}},
          {"Process, spawn", [] { ours(mp::StartMethod::spawn); }, {}}};
}

void measure(std::vector<Contender>& all, int rounds) {
  for (int round = 0; round <= rounds; ++round) {
    for (Contender& contender : all) {
      const auto begin = std::chrono::steady_clock::now();
      for (int i = 0; i < kStartsPerRound; ++i) contender.start_and_join();
      const std::chrono::duration<double, std::micro> took =
          std::chrono::steady_clock::now() - begin;
      // The first round starts the fork server and warms up.
      if (round > 0) contender.microseconds.push_back(took.count() / kStartsPerRound);
    }
  }
}

void print(std::vector<Contender>& all, const char* title) {
  std::printf("%s\n", title);
  for (Contender& contender : all) {
    auto& times = contender.microseconds;
    std::sort(times.begin(), times.end());
    std::printf("  %-34s %9.0f us [%.0f..%.0f]\n", contender.name.c_str(), times[times.size() / 2],
                times.front(), times.back());
    times.clear();
  }
}

void touch(std::size_t bytes) {
  void* const memory =
      ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  must(memory != MAP_FAILED, "mmap");
  ::madvise(memory, bytes, MADV_NOHUGEPAGE);
  for (std::size_t at = 0; at < bytes; at += kPage) static_cast<char*>(memory)[at] = 1;
}

}  // namespace

int main(int argc, char** argv) {
  mp::freeze_support(argc, argv);
  const int rounds = argc > 1 ? std::max(1, std::atoi(argv[1])) : 7;
  std::vector<Contender> all = contenders();
  touch(10 * kMiB);
  measure(all, rounds);
  print(all, "10 MiB touched");

  std::vector<mp::Event> handles(100'000);
  std::vector<Contender> forks(all.begin(), all.begin() + 1);
  forks.push_back(all[2]);
  measure(forks, rounds);
  print(forks, "10 MiB touched, 100,000 live handles");
  handles.clear();

  touch(1014 * kMiB);
  measure(all, rounds);
  print(all, "1 GiB touched");
}
