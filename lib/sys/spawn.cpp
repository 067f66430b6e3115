#include "sys/spawn.hpp"

#include <spawn.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <cstdlib>
#include <string_view>

#include "sys/calls.hpp"
#include "sys/error.hpp"

namespace multiprocessing::sys {
namespace {

// What main was given; the kernel's copy shows a title by now, or is gone.
constinit char* const* program_arguments = nullptr;

// glibc passes main's arguments to constructors, also to those of shared libraries.
[[gnu::constructor]] void keep_arguments(int /*count*/, char** arguments, char** /*environment*/) {
  program_arguments = arguments;
}

void require_done(int error) {
  if (error != 0) throw_error(error, "posix_spawn");
}

class FileActions {
 public:
  FileActions() { require_done(::posix_spawn_file_actions_init(&actions_)); }
  FileActions(const FileActions&) = delete;
  FileActions& operator=(const FileActions&) = delete;
  ~FileActions() { ::posix_spawn_file_actions_destroy(&actions_); }

  void copy(int from, int to) {
    require_done(::posix_spawn_file_actions_adddup2(&actions_, from, to));
  }
  void close_from(int first) {
    require_done(::posix_spawn_file_actions_addclosefrom_np(&actions_, first));
  }
  [[nodiscard]] const posix_spawn_file_actions_t* get() const noexcept { return &actions_; }

 private:
  posix_spawn_file_actions_t actions_{};
};

class Attributes {
 public:
  Attributes() { require_done(::posix_spawnattr_init(&attributes_)); }
  Attributes(const Attributes&) = delete;
  Attributes& operator=(const Attributes&) = delete;
  ~Attributes() { ::posix_spawnattr_destroy(&attributes_); }

  void set(const sigset_t& mask, bool own_group) {
    require_done(::posix_spawnattr_setsigmask(&attributes_, &mask));
    require_done(::posix_spawnattr_setpgroup(&attributes_, 0));
    const int flags = POSIX_SPAWN_SETSIGMASK | (own_group ? POSIX_SPAWN_SETPGROUP : 0);
    require_done(::posix_spawnattr_setflags(&attributes_, static_cast<short>(flags)));
  }
  [[nodiscard]] const posix_spawnattr_t* get() const noexcept { return &attributes_; }

 private:
  posix_spawnattr_t attributes_{};
};

// By way of numbers above all that are wanted: a target may be somebody else's source.
void place(FileActions& actions, const SpawnPlan& plan) {
  const auto count = static_cast<int>(plan.descriptors.size());
  int free = kFirstDescriptor + count;
  for (const int fd : plan.descriptors) free = std::max(free, fd + 1);
  for (const int fd : plan.streams) free = std::max(free, fd + 1);
  for (std::size_t i = 0; i < plan.streams.size(); ++i) {
    if (plan.streams[i] >= 0) actions.copy(plan.streams[i], static_cast<int>(i));
  }
  for (int i = 0; i < count; ++i) {
    actions.copy(plan.descriptors[static_cast<std::size_t>(i)], free + i);
  }
  for (int i = 0; i < count; ++i) actions.copy(free + i, kFirstDescriptor + i);
  actions.close_from(kFirstDescriptor + count);
}

std::vector<char*> with_variable(const std::string& variable) {
  const auto name = std::string_view(variable).substr(0, variable.find('=') + 1);
  std::vector<char*> all;
  for (char** entry = ::environ; entry != nullptr && *entry != nullptr; ++entry) {
    if (!std::string_view(*entry).starts_with(name)) all.push_back(*entry);
  }
  all.push_back(const_cast<char*>(variable.c_str()));
  all.push_back(nullptr);
  return all;
}

}  // namespace

pid_t spawn_self(const SpawnPlan& plan) {
  FileActions actions;
  Attributes attributes;
  place(actions, plan);
  attributes.set(plan.mask, plan.own_group);
  const std::vector<char*> variables = with_variable(plan.variable);
  std::array<char*, 1> nothing{nullptr};
  char* const* const arguments = program_arguments != nullptr ? program_arguments : nothing.data();
  pid_t pid = -1;
  const int error = calls().posix_spawn(&pid, "/proc/self/exe", actions.get(), attributes.get(),
                                        arguments, variables.data());
  if (error != 0) throw_error(error, "posix_spawn", "/proc/self/exe");
  return pid;
}

std::vector<std::string> environment() {
  std::vector<std::string> all;
  for (char** entry = ::environ; entry != nullptr && *entry != nullptr; ++entry) {
    all.emplace_back(*entry);
  }
  return all;
}

void replace_environment(std::span<const std::string> environment) {
  ::clearenv();  // NOLINT(concurrency-mt-unsafe): the header asks for a process with one thread
  for (const std::string& entry : environment) {
    const std::size_t split = entry.find('=');
    if (split == std::string::npos || split == 0) continue;
    // NOLINTNEXTLINE(concurrency-mt-unsafe): as above
    if (::setenv(entry.substr(0, split).c_str(), entry.c_str() + split + 1, 1) != 0) {
      throw_error(errno, "setenv", entry.substr(0, split));
    }
  }
}

void forget_variable(const char* name) noexcept {
  ::unsetenv(name);  // NOLINT(concurrency-mt-unsafe): at the first use of the library
}

std::string current_directory() {
  std::array<char, PATH_MAX> path{};
  return ::getcwd(path.data(), path.size()) != nullptr ? path.data() : std::string();
}

}  // namespace multiprocessing::sys
