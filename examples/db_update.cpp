// The Python program updates a SQLite database 200 times from three threads, each time over a
// connection of its own, and waits for that at most three seconds: what is not done by then would
// be in the second set.

#include <multiprocessing/futures.hpp>

#include <sqlite3.h>
#include <stdlib.h>

#include <chrono>
#include <filesystem>
#include <iostream>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

namespace mp = multiprocessing;
using namespace std::chrono_literals;

// Runs statements over a new connection; returns the number in the last row, if there is one.
int run(const std::string& path, const std::string& sql) {
  sqlite3* opened = nullptr;
  sqlite3_open(path.c_str(), &opened);
  const std::unique_ptr<sqlite3, decltype(&sqlite3_close)> database(opened, sqlite3_close);
  sqlite3_busy_timeout(opened, 10'000);

  int number = 0;
  const auto keep = [](void* out, int, char** columns, char**) {
    *static_cast<int*>(out) = std::stoi(columns[0]);
    return 0;
  };
  if (sqlite3_exec(opened, sql.c_str(), keep, &number, nullptr) != SQLITE_OK) {
    throw std::runtime_error(sqlite3_errmsg(opened));
  }
  return number;
}

int main() {
  std::string directory = std::filesystem::temp_directory_path() / "db_update.XXXXXX";
  if (mkdtemp(directory.data()) == nullptr) throw std::runtime_error("no temporary directory");
  const std::string path = directory + "/bank.db";
  run(path, "CREATE TABLE account (balance); INSERT INTO account VALUES (0)");

  mp::ThreadPoolExecutor executor(3);
  const std::string update = "PRAGMA synchronous = OFF; UPDATE account SET balance = balance + 1";
  std::vector<mp::Future<int>> futures;
  for (int i = 0; i < 200; ++i) futures.push_back(executor.submit(run, path, update));
  const auto [done, not_done] = mp::wait(futures, 3s);
  std::cout << done.size() << " updates are done, " << not_done.size() << " are not\n"
            << "the balance is " << run(path, "SELECT balance FROM account") << '\n';
  std::filesystem::remove_all(directory);
}
