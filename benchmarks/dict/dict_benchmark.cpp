// Millions of operations a second on 10,000 keys (string -> int), by one process and by two, each
// on a processor of its own: Dict, Boost's unordered map behind Boost's mutex, LMDB, Redis and
// CPython's Manager. Rounds of all of them take turns. LMDB, Redis and Python take part where they
// are installed (scripts/install_deps.sh peers).
//
//   dict_benchmark [rounds]
//   dict_benchmark insert [entries]     the worst of 5 million sets, and the memory of an entry

#include <cstdio>
#include <cstdlib>
#include <functional>
#include <string>
#include <vector>

#include <multiprocessing/managers.hpp>
#include <support/python_peer.hpp>
#include <support/table.hpp>

#include "boost_peer.hpp"
#include "insert.hpp"
#include "processes.hpp"

#ifdef HAS_LMDB
#include "lmdb_peer.hpp"
#endif
#ifdef HAS_HIREDIS
#include "redis_peer.hpp"
#endif

namespace {

using benchmark_support::PythonPeer;
using benchmark_support::Table;

constexpr int kKeys = 10'000;

std::vector<std::string> make_keys() {
  std::vector<std::string> keys;
  for (int i = 0; i < kKeys; ++i) keys.push_back("key_" + std::to_string(i));
  return keys;
}
const std::vector<std::string> keys = make_keys();

const std::string& key_at(int i) {
  return keys[static_cast<std::size_t>(i * 7919LL % kKeys)];
}

/// Ours; a handle needs no opening.
struct OurDict {
  multiprocessing::Dict<std::string, int> dict;
  [[nodiscard]] const multiprocessing::Dict<std::string, int>& open() const { return dict; }
};

// A copy of Boost's peer would be another map.
struct BoostStore {
  peer::BoostDict dict;
  [[nodiscard]] const peer::BoostDict& open() const { return dict; }
};

struct Get {
  static constexpr const char* kName = "get";
  template <class Session>
  void operator()(const Session& session, int i) const {
    if (*session.get(key_at(i)) == -1) std::abort();  // keeps the compiler from dropping the read
  }
};
struct Set {
  static constexpr const char* kName = "set";
  template <class Session>
  void operator()(const Session& session, int i) const {
    session.set(key_at(i), i);
  }
};
struct Modify {
  static constexpr const char* kName = "modify";
  template <class Session>
  void operator()(const Session& session, int i) const {
    session.modify(key_at(i), [](int& value) { ++value; });
  }
};

template <class Store>
void fill(const Store& store) {
  const auto& session = store.open();
  for (int i = 0; i < kKeys; ++i) session.set(key_at(i), i);
}

/// All who take part; each filled with the keys.
class Stores {
 public:
  Stores() {
    fill(ours_);
    fill(boost_);
#ifdef HAS_LMDB
    benchmark_support::in_a_child([this] { fill(lmdb_); });
#endif
#ifdef HAS_HIREDIS
    if (redis_.is_there()) fill(redis_);
#endif
  }

  template <class Operation>
  void measure(int processes, const std::string& wanted, int rounds) {
    Table table(std::string(Operation::kName) + " by " +
                (processes == 1 ? "one process" : std::to_string(processes) + " processes") +
                ", M/s together");
    add<Operation>(table, "Dict", wanted, processes, 500'000, ours_);
    add<Operation>(table, "Boost unordered_map and mutex", "", processes, 500'000, boost_);
#ifdef HAS_LMDB
    add<Operation>(table, "LMDB", "", processes, 200'000, lmdb_);
#else
    table.add_missing("LMDB", "liblmdb-dev is not installed");
#endif
#ifdef HAS_HIREDIS
    if (redis_.is_there()) {
      add<Operation>(table, "Redis", "", processes, 40'000, redis_);
    } else {
      table.add_missing("Redis", "redis-server is not installed");
    }
#else
    table.add_missing("Redis", "libhiredis-dev is not installed");
#endif
    if (python_.is_there()) {
      table.add("CPython Manager().dict()", "", [this, processes] {
        return 4e-3 / python_.seconds(Operation::kName + (" " + std::to_string(processes)));
      });
    } else {
      table.add_missing("CPython Manager().dict()", "python3 is not installed");
    }
    table.run(rounds);
  }

 private:
  template <class Operation, class Store>
  static void add(Table& table, const char* name, const std::string& wanted, int processes,
                  int operations, const Store& store) {
    table.add(name, wanted, [processes, operations, &store] {
      return benchmark_support::rate(processes, operations, store, Operation());
    });
  }

  PythonPeer python_{PEER_SCRIPT};
  OurDict ours_;
  BoostStore boost_;
#ifdef HAS_LMDB
  peer::Lmdb lmdb_;
#endif
#ifdef HAS_HIREDIS
  peer::Redis redis_;
#endif
};

}  // namespace

int main(int argc, char** argv) {
  if (argc > 1 && std::string(argv[1]) == "insert") {
    measure_inserts(argc > 2 ? std::atoi(argv[2]) : 5'000'000);
    return 0;
  }
  const int rounds = argc > 1 ? std::atoi(argv[1]) : 7;
  Stores stores;
  stores.measure<Get>(1, "15", rounds);
  stores.measure<Get>(2, "20", rounds);
  stores.measure<Set>(1, "8", rounds);
  stores.measure<Set>(2, "10", rounds);
  stores.measure<Modify>(1, "", rounds);
  stores.measure<Modify>(2, "8", rounds);
}
