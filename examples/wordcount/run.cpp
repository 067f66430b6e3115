#include "run.hpp"

#include <cstdlib>
#include <string>
#include <utility>

#include <multiprocessing/managers.hpp>
#include <multiprocessing/process.hpp>
#include <multiprocessing/progress.hpp>
#include <multiprocessing/queues.hpp>
#include <multiprocessing/sharedctypes.hpp>

#include "walk.hpp"

namespace mp = multiprocessing;
using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

namespace {

// What the processes share. Each member is a handle: a copy of the board is the same board.
struct Board {
  explicit Board(const mp::Manager& manager) : counts(manager.dict<std::string, std::uint64_t>()) {}

  mp::Queue<std::string> paths;
  mp::Value<std::uint64_t> found, visited;  // for the progress bars
  mp::Value<std::uint64_t> files, unreadable, lines, words;
  mp::Dict<std::string, std::uint64_t> counts;
};

void produce(const Board& board, const Paths& paths) {
  walk(paths, {.file =
                   [&](const std::string& path) {
                     board.paths.put(path);
                     board.found.value += 1;
                   },
               .unreadable_directory = [&](auto&, auto) { board.unreadable.value += 1; }});
}

void consume(const Board& board) {
  Counter counter;
  for (const std::string& path : board.paths) {  // until the shutdown
    (void)counter.add_file(path);  // why it cannot be read has been said by the count alone
    board.visited.value += 1;
  }

  const Totals& totals = counter.totals();
  board.files.value += totals.files;
  board.unreadable.value += totals.unreadable;
  board.lines.value += totals.lines;
  board.words.value += totals.words;
  for (const auto& [word, count] : counter.words()) {
    board.counts.modify(word, [&](std::uint64_t& sum) { sum += count; });
  }
}

// Draws how far `value` is until `process` has ended.
void follow(const mp::Process& process, const mp::tqdm<>& bar,
            const mp::Value<std::uint64_t>& value) {
  bool ended = false;
  while (!ended) {
    ended = process.join(50ms);
    bar.update(static_cast<std::int64_t>(value.get()) - bar.n());
  }
  const int code = process.exitcode().value_or(0);
  if (code == 0) return;
  throw LostProcess(process.name() + (code < 0 ? " was killed by signal " + std::to_string(-code)
                                               : " ended with " + std::to_string(code)));
}

std::string name_of(int consumers) {
  return std::to_string(consumers) + (consumers == 1 ? " consumer" : " consumers");
}

}  // namespace

Result count_alone(const Paths& paths, bool quiet) {
  const auto start = Clock::now();
  Counter counter;
  std::vector<std::string> files;
  const auto complain = [](const std::string& path, std::error_code why) {
    mp::tqdm<>::write("wordcount: cannot read " + path + ": " + why.message());
  };
  walk(paths, {.file = [&](const std::string& path) { files.push_back(path); },
               .unreadable_directory =
                   [&](const std::string& path, std::error_code why) {
                     counter.add_unreadable();
                     complain(path, why);
                   }});

  for (const std::string& path :
       mp::tqdm(files, {.desc = "alone", .unit = "file", .disable = quiet})) {
    if (const auto error = counter.add_file(path)) complain(path, error);
  }
  return {counter.totals(), counter.words(), Clock::now() - start};
}

Result count_together(const Paths& paths, int consumers, bool quiet) {
  const auto start = Clock::now();
  const mp::Manager manager;
  const Board board(manager);

  mp::Process producer({.name = "producer", .daemon = true}, produce, board, paths);
  producer.start();
  std::vector<mp::Process> workers;
  for (int i = 1; i <= consumers; ++i) {
    const std::string name = "consumer-" + std::to_string(i);
    workers.emplace_back(mp::ProcessOptions{.name = name, .daemon = true}, consume, board);
    workers.back().start();
  }

  {
    const mp::tqdm bar({.desc = "walking", .leave = false, .unit = "file", .disable = quiet});
    follow(producer, bar, board.found);
  }
  board.paths.shutdown();
  const mp::tqdm bar(
      {.total = board.found.get(), .desc = name_of(consumers), .unit = "file", .disable = quiet});
  for (const mp::Process& worker : workers) follow(worker, bar, board.visited);
  const auto took = Clock::now() - start;

  Result result{
      {board.files.get(), board.unreadable.get(), board.lines.get(), board.words.get()}, {}, took};
  for (const auto& [word, count] : board.counts.items()) result.words.emplace(word, count);
  return result;
}
