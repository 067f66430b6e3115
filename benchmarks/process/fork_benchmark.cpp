// Start and join of a Process under fork, beside the bare system calls, in turns.
//
//   fork_benchmark [rounds]
//
// Promised: start + join at most 1.3 times fork + _exit + waitpid, and 60 us; with 100,000 live
// handles as well.

#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <vector>

#include <multiprocessing/process.hpp>
#include <multiprocessing/synchronize.hpp>

namespace mp = multiprocessing;

namespace {

using Clock = std::chrono::steady_clock;

template <class F>
double microseconds(F work) {
  const Clock::time_point start = Clock::now();
  work();
  return std::chrono::duration<double, std::micro>(Clock::now() - start).count();
}

void bare() {
  const pid_t pid = ::fork();
  if (pid == 0) ::_exit(0);
  int status = 0;
  if (pid < 0 || ::waitpid(pid, &status, 0) != pid || status != 0) std::abort();
}

void ours() {
  mp::Process process([] {});
  process.start();
  if (!process.join() || process.exitcode() != 0) std::abort();
}

double median(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

void compare(const char* name, int rounds) {
  std::vector<double> bare_times;
  std::vector<double> our_times;
  for (int i = 0; i < rounds; ++i) {
    bare_times.push_back(microseconds(bare));
    our_times.push_back(microseconds(ours));
  }
  const double by_itself = median(bare_times);
  std::printf("%-22s %10.1f %10.1f %10.1f\n", name, by_itself, median(our_times),
              1.3 * by_itself + 60);
}

}  // namespace

int main(int argc, char** argv) {
  const int rounds = argc > 1 ? std::atoi(argv[1]) : 1000;
  std::printf("%-22s %10s %10s %10s  us, medians of %d\n", "", "bare", "Process", "promised",
              rounds);
  compare("no handles", rounds);
  const std::vector<mp::Event> handles = [] {
    std::vector<mp::Event> made;
    for (int i = 0; i < 100'000; ++i) made.emplace_back();
    return made;
  }();
  compare("100,000 live handles", rounds);
}
