#include "connection/temporary_names.hpp"

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdlib>
#include <new>
#include <set>
#include <string_view>
#include <utility>

#include "connection/process_lock.hpp"
#include "sys/error.hpp"
#include "sys/process.hpp"
#include "sys/socket.hpp"
#include "sys/temporary.hpp"
#include "wire/digest.hpp"

namespace multiprocessing::connection {
namespace {

constexpr std::size_t kRandomLetters = 8;
// "/pymp-xxxxxxxx/listener-xxxxxxxx": what has to fit behind the directory for temporary files.
constexpr std::size_t kOwnPart = 32;

std::string random_letters() {
  constexpr std::string_view kLetters = "abcdefghijklmnopqrstuvwxyz012345";
  std::array<std::byte, kRandomLetters> random{};
  wire::fill_with_random(random);
  std::string letters;
  for (const std::byte byte : random) letters += kLetters[std::to_integer<std::size_t>(byte) % 32];
  return letters;
}

std::string make_directory() {
  std::string base = sys::temporary_directory();
  if (base.size() + kOwnPart > sys::max_socket_name()) base = "/tmp";
  for (;;) {
    std::string path = base + "/pymp-" + random_letters();
    if (sys::make_private_directory(path)) return path;
  }
}

class Names {
 public:
  std::string directory() {
    const Locked lock(lock_, std::nothrow);
    make_own();
    if (directory_.empty()) directory_ = make_directory();
    return directory_;
  }
  void add(const std::string& path) {
    const Locked lock(lock_, std::nothrow);
    make_own();
    paths_.insert(path);
  }
  void remove(const std::string& path) noexcept {
    const Locked lock(lock_, std::nothrow);
    if (owner_ == sys::current_pid() && paths_.erase(path) != 0) sys::remove_name(path);
  }
  void remove_all() noexcept {
    const Locked lock(lock_, std::nothrow);
    if (owner_ != sys::current_pid()) return;
    for (const std::string& path : paths_) sys::remove_name(path);
    paths_.clear();
    if (!directory_.empty()) sys::remove_directory(directory_);
    directory_.clear();
  }

 private:
  void make_own();

  ProcessLock lock_;
  pid_t owner_ = 0;
  std::string directory_;
  std::set<std::string> paths_;
};

// Never destroyed: a Listener with static storage may end after everything else.
Names& names() {
  static auto* const all = new Names;
  return *all;
}

void Names::make_own() {
  if (owner_ == sys::current_pid()) return;
  owner_ = sys::current_pid();
  directory_.clear();
  paths_.clear();
  std::atexit([] { names().remove_all(); });
}

}  // namespace

std::string temporary_socket_name() {
  return names().directory() + "/listener-" + random_letters();
}

void BoundPath::set(std::string path) {
  names().add(path);
  path_ = std::move(path);
}

void BoundPath::remove() noexcept {
  if (!path_.empty()) names().remove(std::exchange(path_, {}));
}

}  // namespace multiprocessing::connection
