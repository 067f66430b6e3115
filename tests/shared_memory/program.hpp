#pragma once

// Another program, in a process group of its own, which does what it is told line by line: peer.cpp
// or peer.py.
//
//   test::Program peer = test::Program::cpp();
//   EXPECT_EQ(peer.ask("create name 100"), "ok");
//   peer.kill_all();

#include <sys/types.h>

#include <string>
#include <vector>

namespace multiprocessing::test {

class Program {
 public:
  /// `environment`: "NAME=value" to be added, or empty.
  static Program cpp(const std::string& environment = {});
  static Program python();

  explicit Program(std::vector<std::string> words, const std::string& environment = {});
  Program(Program&& other) noexcept;
  Program& operator=(Program&&) = delete;
  /// Kills its whole group and reaps it.
  ~Program();

  /// Sends the line, and returns the next one of its output; empty if it has ended.
  std::string ask(const std::string& line);
  /// Kills it and what it has started, all at once.
  void kill_all();
  void kill_itself();
  /// To it and what it has started. Waits for nobody.
  void signal_all(int signal) const;
  /// Lets it return from main(): its exit code; 128 more than the signal that killed it.
  int end();
  int wait();

 private:
  pid_t pid_ = -1;  // -1: reaped
  pid_t group_ = -1;
  int input_ = -1;
  int output_ = -1;
};

/// Whether /dev/shm has a file of that name.
bool is_there(const std::string& name);

/// One that nobody else has.
std::string fresh_name();

/// A program of this user starts, cleans up and ends.
void start_another();

/// Names in /dev/shm that begin so.
std::vector<std::string> names_that_begin(const std::string& prefix);
/// The name there under which the family that made `name` lists its segments; empty: there is none.
std::string list_of(const std::string& name);

}  // namespace multiprocessing::test
