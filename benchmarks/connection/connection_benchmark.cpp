// Round trips of 8 bytes through a Pipe beside a bare futex, bare spinning, a socket pair and a
// Queue pair: rounds of all in turn, medians over the rounds, and the ratio of each to the bare
// futex in the same round. Two processes, tied to one processor each once everything is made: the
// library spins only where it may run on more than one.
//
//   connection_benchmark [rounds] [trips while busy]    0 trips: only from sleep
//
// "busy": the answer is asked for at once, so that nobody who spins falls asleep. "from sleep": the
// asker lets 300 us pass before each question, so that the one who answers sleeps; what is
// measured is from the question to the answer. "both from sleep": the one who answers thinks for 50
// us, which are not counted, so that the asker sleeps, too.

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
  std::function<std::int64_t()> hear;
  std::function<void(std::int64_t)> reply;
};

constexpr std::chrono::microseconds kPause(300), kThought(50);
constexpr int kSleeps = 500;

void pass(std::chrono::nanoseconds time) {
  const auto end = Clock::now() + time;
  while (Clock::now() < end) {
  }
}

double busy(const Peer& peer, int trips) {
  for (int i = 0; i < trips / 10; ++i) peer.ask(i);
  const auto start = Clock::now();
  for (int i = 0; i < trips; ++i) peer.ask(i);
  return Nanoseconds(Clock::now() - start).count() / trips;
}

double from_sleep(const Peer& peer, std::chrono::nanoseconds thought) {
  std::vector<double> times;
  for (int i = 0; i < kSleeps; ++i) {
    pass(kPause);
    const auto start = Clock::now();
    peer.ask(i);
    times.push_back(Nanoseconds(Clock::now() - start - thought).count());
  }
  std::nth_element(times.begin(), times.begin() + kSleeps / 2, times.end());
  return times[kSleeps / 2];
}

void answer(const Peer& peer, int questions, std::chrono::nanoseconds thought) {
  for (int i = 0; i < questions; ++i) {
    const std::int64_t question = peer.hear();
    if (thought.count() != 0) pass(thought);
    peer.reply(question);
  }
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
  const auto& [name, peer, trips] = contender;
  auto* tied = shared<std::atomic<bool>>();
  const pid_t child = ::fork();
  if (child == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);  // it may spin
    tie_to(1);
    tied->store(true, std::memory_order_release);
    answer(peer, trips / 10 + trips + kSleeps, {});
    answer(peer, kSleeps, kThought);
    ::_exit(0);
  }
  tie_to(0);
  while (!tied->load(std::memory_order_acquire)) ::usleep(50);  // it was born on our processor
  if (trips > 0) notes[name + ", busy"].push_back(busy(peer, trips));
  notes[name + ", from sleep"].push_back(from_sleep(peer, {}));
  notes[name + ", both from sleep"].push_back(from_sleep(peer, kThought));
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
            return std::int64_t{0};
          },
          [words](std::int64_t) { words->answer.store(1, std::memory_order_release); }};
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
          [words, await] {
            await(words->question);
            return std::int64_t{0};
          },
          [words, tell](std::int64_t) { tell(words->answer); }};
}

Peer socket_pair() {
  std::array<int, 2> ends{};
  if (::socketpair(AF_UNIX, SOCK_STREAM, 0, ends.data()) != 0) std::abort();
  const auto hear = [](int fd) {
    std::int64_t value = 0;
    if (::read(fd, &value, sizeof value) != sizeof value) std::abort();
    return value;
  };
  const auto tell = [](int fd, std::int64_t value) {
    if (::write(fd, &value, sizeof value) != sizeof value) std::abort();
  };
  return {[=](std::int64_t value) {
            tell(ends[0], value);
            (void)hear(ends[0]);
          },
          [=] { return hear(ends[1]); }, [=](std::int64_t value) { tell(ends[1], value); }};
}

Peer pipe_of_ours() {
  const auto ends = multiprocessing::Pipe();
  return {[here = ends.first](std::int64_t value) {
            here.send(value);
            if (here.recv<std::int64_t>() != value) std::abort();
          },
          [there = ends.second] { return there.recv<std::int64_t>(); },
          [there = ends.second](std::int64_t value) { there.send(value); }};
}

Peer queues() {
  const multiprocessing::Queue<std::int64_t> forth;
  const multiprocessing::Queue<std::int64_t> back;
  return {[=](std::int64_t value) {
            forth.put(value);
            if (back.get() != value) std::abort();
          },
          [=] { return forth.get(); }, [=](std::int64_t value) { back.put(value); }};
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
  for (const char* how : {", busy", ", from sleep", ", both from sleep"}) {
    const std::vector<double>& base = notes["bare futex" + std::string(how)];
    if (base.empty()) continue;
    for (const Contender& contender : contenders) {
      const std::vector<double>& times = notes[contender.name + how];
      std::vector<double> ratios;
      for (std::size_t i = 0; i < times.size(); ++i) ratios.push_back(times[i] / base[i]);
      const auto [least, most] = std::minmax_element(times.begin(), times.end());
      std::printf("%-32s %9.0f ns  [%.0f .. %.0f]  %.2f of the futex\n",
                  (contender.name + how).c_str(), median(times), *least, *most, median(ratios));
    }
  }
}
