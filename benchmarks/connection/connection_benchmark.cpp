// Round trips of 8 bytes through a Pipe beside a bare futex, bare spinning, a socket pair and a
// Queue pair: rounds of all in turn, medians over the rounds, and the ratio of each to the bare
// futex in the same round. Two processes, tied to one processor each once everything is made: the
// library spins only where it may run on more than one.
//
//   connection_benchmark [rounds] [trips while busy]    0 trips: only from sleep
//
// "busy": the answer is asked for at once, so that nobody who spins falls asleep. "from sleep": the
// asker lets 300 us pass before each question, so that the one who answers sleeps; what is
// measured is from the question to the answer.

#include <linux/futex.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <map>
#include <new>
#include <string>
#include <vector>

#include <multiprocessing/connection.hpp>
#include <multiprocessing/queues.hpp>
#include <support/forked.hpp>

namespace {

using Clock = std::chrono::steady_clock;
using benchmark_support::shared;
using benchmark_support::tie_to;
using Nanoseconds = std::chrono::duration<double, std::nano>;

std::map<std::string, std::vector<double>> notes;

// The question is asked in this process, the answer given in a child.
struct Peer {
  std::function<void(std::int64_t)> ask;  // and wait for the answer
  std::function<void()> answer;
};

double busy(const Peer& peer, int trips) {
  for (int i = 0; i < trips / 10; ++i) peer.ask(i);
  const auto start = Clock::now();
  for (int i = 0; i < trips; ++i) peer.ask(i);
  return Nanoseconds(Clock::now() - start).count() / trips;
}

double from_sleep(const Peer& peer, int trips) {
  std::vector<double> times;
  for (int i = 0; i < trips; ++i) {
    const auto pause = Clock::now() + std::chrono::microseconds(300);
    while (Clock::now() < pause) {
    }
    const auto start = Clock::now();
    peer.ask(i);
    times.push_back(Nanoseconds(Clock::now() - start).count());
  }
  std::nth_element(times.begin(), times.begin() + trips / 2, times.end());
  return times[static_cast<std::size_t>(trips / 2)];
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

struct Contender {
  std::string name;
  Peer peer;
  int trips;
};

void measure(const Contender& contender) {
  constexpr int sleeps = 500;
  const auto& [name, peer, trips] = contender;
  auto* tied = shared<std::atomic<bool>>();
  const pid_t child = ::fork();
  if (child == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);  // it may spin
    tie_to(1);
    tied->store(true, std::memory_order_release);
    for (int i = 0; i < trips / 10 + trips + sleeps; ++i) peer.answer();
    ::_exit(0);
  }
  tie_to(0);
  while (!tied->load(std::memory_order_acquire)) ::usleep(50);  // it was born on our processor
  if (trips > 0) notes[name + ", busy"].push_back(busy(peer, trips));
  notes[name + ", from sleep"].push_back(from_sleep(peer, sleeps));
  ::waitpid(child, nullptr, 0);
  ::munmap(tied, sizeof *tied);
}

struct Words {
  alignas(64) std::atomic<std::uint32_t> question{0};
  alignas(64) std::atomic<std::uint32_t> answer{0};
};

long futex(std::atomic<std::uint32_t>& word, int operation, std::uint32_t value) {
  return ::syscall(SYS_futex, &word, operation, value, nullptr, nullptr, 0);
}

// As little as two can do who never sleep.
Peer bare_spinning() {
  auto* words = shared<Words>();
  const auto await = [](std::atomic<std::uint32_t>& word) {
    while (word.load(std::memory_order_acquire) == 0) {
    }
    word.store(0, std::memory_order_relaxed);
  };
  return {[words, await](std::int64_t) {
            words->question.store(1, std::memory_order_release);
            await(words->answer);
          },
          [words, await] {
            await(words->question);
            words->answer.store(1, std::memory_order_release);
          }};
}

// As little as two who sleep on a word can do.
Peer bare_futex() {
  auto* words = shared<Words>();
  const auto await = [](std::atomic<std::uint32_t>& word) {
    while (word.load(std::memory_order_acquire) == 0) futex(word, FUTEX_WAIT, 0);
    word.store(0, std::memory_order_relaxed);
  };
  const auto tell = [](std::atomic<std::uint32_t>& word) {
    word.store(1, std::memory_order_release);
    futex(word, FUTEX_WAKE, 1);
  };
  return {[words, await, tell](std::int64_t) {
            tell(words->question);
            await(words->answer);
          },
          [words, await, tell] {
            await(words->question);
            tell(words->answer);
          }};
}

Peer socket_pair() {
  std::array<int, 2> ends{};
  if (::socketpair(AF_UNIX, SOCK_STREAM, 0, ends.data()) != 0) std::abort();
  const auto pass = [](int fd, std::int64_t value, bool first) {
    if (first && ::write(fd, &value, sizeof value) != sizeof value) std::abort();
    if (::read(fd, &value, sizeof value) != sizeof value) std::abort();
    if (!first && ::write(fd, &value, sizeof value) != sizeof value) std::abort();
  };
  return {[=](std::int64_t value) { pass(ends[0], value, true); },
          [=] { pass(ends[1], 0, false); }};
}

Peer pipe_of_ours() {
  const auto ends = multiprocessing::Pipe();
  return {[here = ends.first](std::int64_t value) {
            here.send(value);
            if (here.recv<std::int64_t>() != value) std::abort();
          },
          [there = ends.second] { there.send(there.recv<std::int64_t>()); }};
}

Peer queues() {
  const multiprocessing::Queue<std::int64_t> forth;
  const multiprocessing::Queue<std::int64_t> back;
  return {[=](std::int64_t value) {
            forth.put(value);
            if (back.get() != value) std::abort();
          },
          [=] { back.put(forth.get()); }};
}

}  // namespace

int main(int argc, char** argv) {
  const int rounds = argc > 1 ? std::atoi(argv[1]) : 7;
  const int trips = argc > 2 ? std::atoi(argv[2]) : 200'000;
  std::vector<Contender> contenders = {{"bare futex", bare_futex(), trips / 10},
                                       {"socket pair", socket_pair(), trips / 10},
                                       {"Queue and Queue", queues(), trips},
                                       {"Pipe", pipe_of_ours(), trips}};
  if (trips > 0) contenders.push_back({"bare spinning", bare_spinning(), trips});
  for (int round = 0; round < rounds; ++round) {
    for (const Contender& contender : contenders) measure(contender);
  }
  for (const char* how : {", busy", ", from sleep"}) {
    const std::vector<double>& base = notes["bare futex" + std::string(how)];
    if (base.empty()) continue;
    for (const Contender& contender : contenders) {
      const std::vector<double>& times = notes[contender.name + how];
      std::vector<double> ratios;
      for (std::size_t i = 0; i < times.size(); ++i) ratios.push_back(times[i] / base[i]);
      const auto [least, most] = std::minmax_element(times.begin(), times.end());
      std::printf("%-28s %9.0f ns  [%.0f .. %.0f]  %.2f of the futex\n",
                  (contender.name + how).c_str(), median(times), *least, *most, median(ratios));
    }
  }
}
