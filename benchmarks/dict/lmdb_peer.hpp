#pragma once

// A peer: string -> int in LMDB, in a folder on tmpfs, without syncing, one transaction an
// operation.

#include <lmdb.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <optional>
#include <string>

#include "temporary_folder.hpp"

namespace peer {

inline void check_lmdb(int result) {
  if (result == MDB_SUCCESS) return;
  std::fprintf(stderr, "LMDB: %s\n", mdb_strerror(result));
  std::abort();
}

/// One process's; it must not outlive a fork.
class LmdbSession {
 public:
  explicit LmdbSession(const std::string& folder) {
    check_lmdb(mdb_env_create(&environment_));
    check_lmdb(mdb_env_set_mapsize(environment_, std::size_t{256} << 20U));
    check_lmdb(mdb_env_open(environment_, folder.c_str(), MDB_NOSYNC | MDB_WRITEMAP, 0600));
    MDB_txn* opening = nullptr;
    check_lmdb(mdb_txn_begin(environment_, nullptr, 0, &opening));
    check_lmdb(mdb_dbi_open(opening, nullptr, 0, &table_));
    check_lmdb(mdb_txn_commit(opening));
    check_lmdb(mdb_txn_begin(environment_, nullptr, MDB_RDONLY, &reading_));
    mdb_txn_reset(reading_);
  }
  LmdbSession(const LmdbSession&) = delete;
  LmdbSession& operator=(const LmdbSession&) = delete;
  ~LmdbSession() {
    mdb_txn_abort(reading_);
    mdb_env_close(environment_);
  }

  std::optional<int> get(const std::string& key) const {
    check_lmdb(mdb_txn_renew(reading_));
    const std::optional<int> value = read(reading_, key);
    mdb_txn_reset(reading_);
    return value;
  }

  void set(const std::string& key, int value) const {
    MDB_txn* writing = begin();
    write(writing, key, value);
    check_lmdb(mdb_txn_commit(writing));
  }

  template <class F>
  void modify(const std::string& key, F f) const {
    MDB_txn* writing = begin();
    int value = read(writing, key).value_or(0);
    f(value);
    write(writing, key, value);
    check_lmdb(mdb_txn_commit(writing));
  }

 private:
  [[nodiscard]] MDB_txn* begin() const {
    MDB_txn* transaction = nullptr;
    check_lmdb(mdb_txn_begin(environment_, nullptr, 0, &transaction));
    return transaction;
  }

  static MDB_val bytes_of(const std::string& key) {
    return {key.size(), const_cast<char*>(key.data())};
  }

  std::optional<int> read(MDB_txn* transaction, const std::string& key) const {
    MDB_val name = bytes_of(key);
    MDB_val found{};
    const int result = mdb_get(transaction, table_, &name, &found);
    if (result == MDB_NOTFOUND) return std::nullopt;
    check_lmdb(result);
    int value = 0;
    std::memcpy(&value, found.mv_data, sizeof value);
    return value;
  }

  void write(MDB_txn* transaction, const std::string& key, int value) const {
    MDB_val name = bytes_of(key);
    MDB_val bytes{sizeof value, &value};
    check_lmdb(mdb_put(transaction, table_, &name, &bytes, 0));
  }

  MDB_env* environment_ = nullptr;
  MDB_dbi table_ = 0;
  MDB_txn* reading_ = nullptr;
};

class Lmdb {
 public:
  [[nodiscard]] LmdbSession open() const { return LmdbSession(folder_.path()); }

 private:
  TemporaryFolder folder_{"/dev/shm"};
};

}  // namespace peer
