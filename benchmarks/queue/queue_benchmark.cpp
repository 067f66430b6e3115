// Queue against a bare spinning ring and Boost's message_queue: rounds of all peers in turn,
// medians over the rounds. Producers and consumers are processes, tied to one processor each.
//
//   queue_benchmark [rounds]

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
#include <functional>
#include <map>
#include <new>
#include <numeric>
#include <optional>
#include <string>
#include <vector>

#include <multiprocessing/queues.hpp>

#include "peers.hpp"

namespace {

using Clock = std::chrono::steady_clock;

template <std::size_t N>
using Payload = std::array<unsigned char, N>;

template <class T>
T* shared() {
  void* memory =
      ::mmap(nullptr, sizeof(T), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) std::abort();
  return new (memory) T;
}

void tie_to(int cpu) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(cpu % static_cast<int>(::sysconf(_SC_NPROCESSORS_ONLN)), &set);
  ::sched_setaffinity(0, sizeof set, &set);
}

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

template <std::size_t N>
void streams(std::size_t items) {
  using T = Payload<N>;
  static T in{}, out{};
  const std::string size = std::to_string(N) + " B";
  {
    auto* ring = shared<peers::BareRing<T>>();
    note(size + " bare ring", stream(items, 1, [=] { ring->put(in); }, [=] { ring->get(out); }));
    ::munmap(ring, sizeof *ring);
  }
  for (const int bound : {0, N >= 65536 ? 16 : 1024}) {
    multiprocessing::Queue<T> queue(bound);
    note(size + (bound == 0 ? " Queue" : " Queue(maxsize)"),
         stream(items, 1, [=] { queue.put(in); }, [=] { out = queue.get(); }));
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

// The compiler must not leave out what made the value.
void keep(std::uint64_t value) {
  asm volatile("" : : "r"(value));
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
  for (const std::size_t bytes : {64, 65536, 1 << 20}) loans(bytes, 1'000'000, false);
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

}  // namespace

int main(int argc, char** argv) {
  const int rounds = argc > 1 ? std::atoi(argv[1]) : 7;
  for (int round = 0; round < rounds; ++round) {
    streams<8>(4'000'000);
    streams<64>(3'000'000);
    streams<1024>(600'000);
    streams<65536>(20'000);
    streams<1 << 20>(1'500);
    batches(4'000'000);
    in_place();
    two_pairs(2'000'000);
    round_trips(200'000);
  }
  for (const std::string& name : order) {
    std::vector<double>& values = results[name];
    std::sort(values.begin(), values.end());
    std::printf("%-32s %14.0f  [%.0f .. %.0f]\n", name.c_str(), values[values.size() / 2],
                values.front(), values.back());
  }
}
