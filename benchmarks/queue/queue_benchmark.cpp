// Queue against a bare spinning ring and Boost's message_queue: rounds of all peers in turn,
// medians over the rounds. Producers and consumers are processes, tied to one processor each.
// Each consumer ends up with the item in memory of its own, but for loans and views.
//
//   queue_benchmark [rounds [part...]]    parts: small large batches in_place pairs trips idle

#include <sched.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <map>
#include <new>
#include <numeric>
#include <optional>
#include <string>
#include <vector>

#include <multiprocessing/queues.hpp>
#include <support/forked.hpp>

#include "peers.hpp"

namespace {

using Clock = std::chrono::steady_clock;
using benchmark_support::shared;
using benchmark_support::tie_to;

template <std::size_t N>
using Payload = std::array<unsigned char, N>;

pid_t on(int cpu, const std::function<void()>& body) {
  const pid_t pid = ::fork();
  if (pid != 0) return pid;
  tie_to(cpu);
  body();
  ::_exit(0);
}

// Processes that begin together; seconds until the last one has ended its work.
class Race {
 public:
  explicit Race(int runners) : runners_(runners) {}
  void run(int cpu, std::function<void()> body) {
    pids_.push_back(on(cpu, [&] {
      ready_->fetch_add(1, std::memory_order_acq_rel);
      while (ready_->load(std::memory_order_acquire) < runners_) ::sched_yield();
      body();
    }));
  }
  double seconds() {
    while (ready_->load(std::memory_order_acquire) < runners_) ::usleep(50);
    const auto start = Clock::now();
    for (const pid_t pid : pids_) ::waitpid(pid, nullptr, 0);
    return std::chrono::duration<double>(Clock::now() - start).count();
  }

 private:
  int runners_;
  std::vector<pid_t> pids_;
  std::atomic<int>* ready_ = shared<std::atomic<int>>();
};

template <class Put, class Get>
double stream(std::size_t items, int pairs, Put put, Get get) {
  Race race(2 * pairs);
  for (int pair = 0; pair < pairs; ++pair) {
    race.run(2 * pair, [=] {
      for (std::size_t i = 0; i < items; ++i) put();
    });
    race.run(2 * pair + 1, [=] {
      for (std::size_t i = 0; i < items; ++i) get();
    });
  }
  return static_cast<double>(items) * pairs / race.seconds();
}

std::map<std::string, std::vector<double>> results;
std::vector<std::string> order;

void note(const std::string& name, double value) {
  if (!results.contains(name)) order.push_back(name);
  results[name].push_back(value);
}

// The compiler must not leave out what made the value.
void keep(std::uint64_t value) {
  asm volatile("" : : "r"(value));
}
void keep(const void* memory) {
  asm volatile("" : : "r"(memory) : "memory");
}

template <class T, peers::Index index = peers::Index::cached>
void ring(const std::string& name, std::size_t items) {
  static T in{}, out{};
  auto* ring = shared<peers::BareRing<T, index>>();
  const auto get = [=] {
    ring->get(out);
    keep(out.data());
  };
  note(name, stream(items, 1, [=] { ring->put(in); }, get));
  ::munmap(ring, sizeof *ring);
}

template <class T>
void queue(const std::string& name, std::size_t items, int maxsize, const T& in) {
  const multiprocessing::Queue<T> queue(maxsize);
  const auto get = [=] {
    const T item = queue.get();
    keep(item.data());
  };
  note(name, stream(items, 1, [&] { queue.put(in); }, get));
}

template <std::size_t N>
void streams(std::size_t items) {
  using T = Payload<N>;
  constexpr bool kLarge = N >= 65536;
  static T in{}, out{};
  const std::string size = std::to_string(N) + " B";
  ring<T>(size + " bare ring", N == 8 ? 4 * items : items);
  if (N == 8) ring<T, peers::Index::shared>(size + " bare ring, shared index", items);
  for (const int bound : {0, kLarge ? 16 : 1024}) {
    const std::string bounded = bound == 0 ? "" : "(maxsize)";
    queue<T>(size + " Queue" + bounded, items, bound, in);
    if (!kLarge) continue;
    using Bytes = std::vector<unsigned char>;
    queue<Bytes>(size + " Queue of vectors" + bounded, items, bound, Bytes(N));
  }
  peers::BoostQueue<T> boost("multiprocessing_queue_benchmark");
  note(size + " Boost", stream(items / 4, 1, [&] { boost.put(in); }, [&] { boost.get(out); }));
}

// As many elements at once as make 256 items.
void batches(std::size_t items) {
  constexpr std::size_t kBatch = 256;
  const multiprocessing::Queue<std::uint64_t> queue;
  const std::vector<std::uint64_t> batch(kBatch, 1);
  Race race(2);
  race.run(0, [=] {
    for (std::size_t i = 0; i < items; i += kBatch) queue.put_many(batch);
  });
  race.run(1, [=] {
    for (std::size_t got = 0; got < items;) got += queue.get_many(kBatch).size();
  });
  note("8 B Queue put_many/get_many", static_cast<double>(items) / race.seconds());
}

// Items in place: the first 8 bytes of each alone, or written and read in full.
void loans(std::size_t bytes, std::size_t items, bool in_full) {
  const multiprocessing::Queue<std::uint64_t> queue(16);
  const std::size_t n = bytes / sizeof(std::uint64_t);
  const double rate = stream(
      items, 1,
      [=] {
        auto loan = queue.loan(n);
        if (in_full) {
          std::fill(loan.begin(), loan.end(), 1);
        } else {
          *loan = 1;
        }
        queue.put(std::move(loan));
      },
      [=] {
        const auto view = queue.get_view();
        keep(in_full ? std::accumulate(view.begin(), view.end(), std::uint64_t{0}) : *view);
      });
  note(std::to_string(bytes) + " B loan/get_view" + (in_full ? ", in full" : ""), rate);
}

// The same in a bare ring of slots that are written and read in place.
template <std::size_t N>
void ring_in_place(std::size_t items) {
  auto* ring = shared<peers::SlotRing<N>>();
  note(std::to_string(N) + " B bare ring in place, in full",
       stream(
           items, 1, [=] { ring->put([](auto& slot) { std::ranges::fill(slot, 1); }); },
           [=] {
             ring->get([](auto& slot) {
               keep(std::accumulate(slot.begin(), slot.end(), std::uint64_t{0}));
             });
           }));
  ::munmap(ring, sizeof *ring);
}

void in_place() {
  for (const std::size_t bytes : {64U, 65536U, 1U << 20U}) loans(bytes, 1'000'000, false);
  ring_in_place<65536>(20'000);
  loans(65536, 20'000, true);
  ring_in_place<1 << 20>(1'500);
  loans(1 << 20, 1'500, true);
}

void two_pairs(std::size_t items) {
  multiprocessing::Queue<std::uint64_t> queue;
  note("8 B 2p2c Queue", stream(items, 2, [=] { queue.put(1); }, [=] { (void)queue.get(); }));
}

template <class A, class B>
double round_trip(int trips, A ping, B pong) {
  Race race(2);
  race.run(0, [=] {
    for (int i = 0; i < trips; ++i) ping();
  });
  race.run(1, [=] {
    for (int i = 0; i < trips; ++i) pong();
  });
  return race.seconds() / trips * 1e9;
}

void round_trips(int trips) {
  using T = std::uint64_t;
  auto* a = shared<peers::BareRing<T>>();
  auto* b = shared<peers::BareRing<T>>();
  note("round trip, ns, bare ring", round_trip(
                                        trips,
                                        [=] {
                                          T t = 1;
                                          a->put(t);
                                          b->get(t);
                                        },
                                        [=] {
                                          T t = 1;
                                          a->get(t);
                                          b->put(t);
                                        }));
  const multiprocessing::Queue<T> there, back;
  note("round trip, ns, Queue", round_trip(
                                    trips,
                                    [=] {
                                      there.put(1);
                                      (void)back.get();
                                    },
                                    [=] { back.put(there.get()); }));
}

// Nanoseconds for which the process has been on a processor.
double processor_time(pid_t pid) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/schedstat");
  double nanoseconds = 0;
  file >> nanoseconds;
  return nanoseconds;
}

// Consumers that wait for what does not come.
void idle_consumers(int consumers, unsigned seconds) {
  multiprocessing::Queue<std::uint64_t> queue;
  std::vector<pid_t> pids;
  for (int i = 0; i < consumers; ++i) {
    pids.push_back(on(i, [=] {
      for (const std::uint64_t item : queue) keep(item);
    }));
  }
  const auto so_far = [&] {
    return std::transform_reduce(pids.begin(), pids.end(), 0.0, std::plus<>(), processor_time);
  };
  ::usleep(200'000);  // until all of them sleep
  const double before = so_far();
  ::sleep(seconds);
  note(
      std::to_string(consumers) + " idle consumers, us of CPU in " + std::to_string(seconds) + " s",
      (so_far() - before) / 1000);
  queue.shutdown();
  for (const pid_t pid : pids) ::waitpid(pid, nullptr, 0);
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

// Of two rates of each round.
void print_ratio(const std::string& ours, const std::string& theirs) {
  if (!results.contains(ours) || !results.contains(theirs)) return;
  std::vector<double> ratios = results[ours];
  for (std::size_t i = 0; i < ratios.size(); ++i) ratios[i] /= results[theirs][i];
  std::printf("%-42s %8.2f of %s\n", ours.c_str(), median(ratios), theirs.c_str());
}

void print_ratios() {
  print_ratio("8 B Queue", "8 B bare ring, shared index");
  print_ratio("8 B Queue put_many/get_many", "8 B bare ring");
  for (const std::string size : {"65536 B ", "1048576 B "}) {
    for (const std::string bound : {"", "(maxsize)"}) {
      print_ratio(size + "Queue" + bound, size + "bare ring");
      print_ratio(size + "Queue of vectors" + bound, size + "bare ring");
    }
    print_ratio(size + "loan/get_view, in full", size + "bare ring in place, in full");
  }
}

using Part = std::pair<const char*, std::function<void()>>;

std::vector<Part> parts() {
  return {{"small",
           [] {
             streams<8>(4'000'000);
             streams<64>(3'000'000);
             streams<1024>(600'000);
           }},
          {"large",
           [] {
             streams<65536>(20'000);
             streams<1 << 20>(1'500);
           }},
          {"batches", [] { batches(16'000'000); }},
          {"in_place", in_place},
          {"pairs", [] { two_pairs(2'000'000); }},
          {"trips", [] { round_trips(200'000); }},
          {"idle", [] { idle_consumers(16, 10); }}};
}

}  // namespace

int main(int argc, char** argv) {
  const int rounds = argc > 1 ? std::atoi(argv[1]) : 7;
  const std::vector<std::string> chosen(argv + std::min(argc, 2), argv + argc);
  for (int round = 0; round < rounds; ++round) {
    for (const auto& [name, run] : parts()) {
      if (chosen.empty() || std::ranges::find(chosen, name) != chosen.end()) run();
    }
  }
  for (const std::string& name : order) {
    const auto [least, most] = std::ranges::minmax(results[name]);
    std::printf("%-42s %14.0f  [%.0f .. %.0f]\n", name.c_str(), median(results[name]), least, most);
  }
  print_ratios();
}
