// A program of its own, hence a family of its own: it does what lines on its standard input say and
// answers each with one line. peer.py speaks the same.
//
//   create NAME SIZE    open NAME    unlink NAME    put NAME OFFSET BYTE    get NAME OFFSET
//   untracked NAME SIZE              makes one that does not go with the family
//   child METHOD                     starts a child that waits; answers with its pid
//   child_creates NAME SIZE          a child makes the segment and is killed
//   daemon_creates NAME SIZE         a daemonic child makes the segment and waits; its pid
//   bare_child                       calls fork() itself; that child waits; answers with its pid
//   fork_amid N                      a thread makes segments while N children start and make theirs
//   mask                             whether anything that can be started changes the signal mask
//   dies_at POINT VISIT              a child makes and removes segments until it dies there
//   crowd N                          N children make, open and remove segments for ever
//   kill_one                         kills one of them
//   exit_by_return                   ends by return from main()

#include <multiprocessing/context.hpp>
#include <multiprocessing/pool.hpp>
#include <multiprocessing/process.hpp>
#include <multiprocessing/queues.hpp>
#include <multiprocessing/shared_memory.hpp>

#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <csignal>
#include <cstddef>
#include <exception>
#include <functional>
#include <iostream>
#include <map>
#include <sstream>
#include <string>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include "sys/crash_point.hpp"

namespace {

namespace mp = multiprocessing;

std::map<std::string, mp::SharedMemory> memories;

void wait_for_ever() {
  for (;;) ::pause();
}

void tell_and_wait(const mp::Queue<int>& ready) {
  ready.put(1);
  wait_for_ever();
}

mp::StartMethod method_of(const std::string& name) {
  if (name == "spawn") return mp::StartMethod::spawn;
  return name == "forkserver" ? mp::StartMethod::forkserver : mp::StartMethod::fork;
}

std::string child(std::istream& words) {
  std::string method;
  words >> method;
  const mp::Queue<int> ready;
  mp::Process process(mp::ProcessOptions{.method = method_of(method)}, tell_and_wait, ready);
  process.start();
  (void)ready.get();
  const std::string pid = std::to_string(*process.pid());
  return pid;
}

std::string child_creates(std::istream& words) {
  std::string name;
  std::size_t size = 0;
  words >> name >> size;
  mp::Process process([&] {
    const mp::SharedMemory memory(name, true, size);
    (void)::kill(::getpid(), SIGKILL);
  });
  process.start();
  process.join();
  return "ok";
}

std::string daemon_creates(std::istream& words) {
  std::string name;
  std::size_t size = 0;
  words >> name >> size;
  const mp::Queue<int> ready;
  mp::Process process(mp::ProcessOptions{.daemon = true}, [&] {
    const mp::SharedMemory memory(name, true, size);
    tell_and_wait(ready);
  });
  process.start();
  (void)ready.get();
  return std::to_string(*process.pid());
}

std::string bare_child() {
  const pid_t pid = ::fork();
  if (pid == 0) {
    ::close(STDOUT_FILENO);  // the test reads until the program has ended
    wait_for_ever();
  }
  return std::to_string(pid);
}

void make_one() {
  const mp::SharedMemory memory({.create = true, .size = 10});
  memory.unlink();
}

std::string fork_amid(std::istream& words) {
  int count = 0;
  words >> count;
  std::atomic<bool> enough{false};
  std::thread maker([&] {
    while (!enough) make_one();
  });
  std::string failures;
  for (int i = 0; i < count; ++i) {
    mp::Process process(make_one);
    process.start();
    const pid_t bare = ::fork();
    if (bare == 0) {
      make_one();
      ::_exit(0);
    }
    process.join();
    int status = -1;
    (void)::waitpid(bare, &status, 0);
    if (process.exitcode() != 0 || status != 0) failures += " " + std::to_string(i);
  }
  enough = true;
  maker.join();
  return failures.empty() ? "ok" : "failed:" + failures;
}

sigset_t mask_now() {
  sigset_t mask{};
  (void)::pthread_sigmask(SIG_SETMASK, nullptr, &mask);
  return mask;
}

std::string mask() {
  sigset_t some{};
  sigemptyset(&some);
  for (const int signal : {SIGTERM, SIGUSR1, SIGCHLD}) sigaddset(&some, signal);
  (void)::pthread_sigmask(SIG_SETMASK, &some, nullptr);
  const std::array<std::pair<const char*, std::function<void()>>, 5> steps{{
      {"segment", make_one},
      {"fork", [] { mp::Process([] {}).start(); }},
      {"spawn",
       [] { mp::Process(mp::ProcessOptions{.method = mp::StartMethod::spawn}, [] {}).start(); }},
      {"forkserver",
       [] {
         mp::Process(mp::ProcessOptions{.method = mp::StartMethod::forkserver}, [] {}).start();
       }},
      {"pool", [] { mp::Pool(2).apply([] { return 1; }); }},
  }};
  for (const auto& [name, step] : steps) {
    step();
    const sigset_t after = mask_now();
    for (int signal = 1; signal < SIGRTMAX; ++signal) {
      if (sigismember(&after, signal) != sigismember(&some, signal)) {
        return std::string(name) + " changed " + std::to_string(signal);
      }
    }
  }
  return "ok";
}

void make_and_remove() {
  for (;;) {
    const mp::SharedMemory memory({.create = true, .size = 10});
    const mp::SharedMemory same(memory.name());
    memory.unlink();
  }
}

std::string dies_at(std::istream& words) {
  std::string point;
  int visit = 0;
  words >> point >> visit;
  mp::Process process(mp::ProcessOptions{.die_with_parent = true}, [&] {
    multiprocessing::sys::arm_crash_point(point.c_str(), visit);
    make_and_remove();
  });
  process.start();
  process.join();
  return process.exitcode() == -SIGKILL ? "ok" : "survived";
}

std::vector<mp::Process> crowd_members;

std::string crowd(std::istream& words) {
  int count = 0;
  words >> count;
  for (int i = 0; i < count; ++i) {
    crowd_members.emplace_back(mp::ProcessOptions{.daemon = true}, [] {
      const mp::SharedMemory kept({.create = true, .size = 10});
      make_and_remove();
    });
    crowd_members.back().start();
  }
  return "ok";
}

std::string kill_one() {
  crowd_members.front().kill();
  crowd_members.front().join();
  crowd_members.erase(crowd_members.begin());
  return "ok";
}

std::string memory_command(const std::string& command, std::istream& words) {
  std::string name;
  std::size_t number = 0;
  int byte = 0;
  words >> name >> number >> byte;
  if (command == "create") memories.emplace(name, mp::SharedMemory(name, true, number));
  if (command == "untracked") memories.emplace(name, mp::SharedMemory(name, true, number, false));
  if (command == "open") {
    const mp::SharedMemory memory(name);
    memories.emplace(name, memory);
    return std::to_string(memory.size());
  }
  if (command == "unlink") memories.at(name).unlink();
  if (command == "put") memories.at(name).buf()[number] = static_cast<std::byte>(byte);
  if (command == "get") {
    return std::to_string(std::to_integer<int>(memories.at(name).buf()[number]));
  }
  return "ok";
}

std::string answer(const std::string& line) {
  std::istringstream words(line);
  std::string command;
  words >> command;
  if (command == "kill_one") return kill_one();
  if (command == "child") return child(words);
  if (command == "child_creates") return child_creates(words);
  if (command == "daemon_creates") return daemon_creates(words);
  if (command == "bare_child") return bare_child();
  if (command == "fork_amid") return fork_amid(words);
  if (command == "mask") return mask();
  if (command == "dies_at") return dies_at(words);
  if (command == "crowd") return crowd(words);
  return memory_command(command, words);
}

}  // namespace

int main(int argc, char** argv) {
  mp::freeze_support(argc, argv);
  for (std::string line; std::getline(std::cin, line) && line != "exit_by_return";) {
    try {
      std::cout << answer(line) << std::endl;
    } catch (const std::system_error& error) {
      std::cout << "errno " << error.code().value() << std::endl;
    } catch (const std::exception& error) {
      std::cout << "error " << error.what() << std::endl;
    }
  }
}
