#pragma once

// A peer: a Redis server of our own on a local socket, with nothing written to disk, and hiredis.

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <hiredis/hiredis.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "temporary_folder.hpp"

namespace peer {

/// One process's connection.
class RedisSession {
 public:
  explicit RedisSession(const std::string& socket)
      : context_(redisConnectUnix(socket.c_str()), redisFree) {}

  [[nodiscard]] bool is_open() const { return context_ != nullptr && context_->err == 0; }

  std::optional<int> get(const std::string& key) const {
    const Reply reply = command("GET %b", key);
    if (reply->type == REDIS_REPLY_NIL) return std::nullopt;
    return std::atoi(reply->str);
  }
  void set(const std::string& key, int value) const { (void)command("SET %b %d", key, value); }
  /// What the benchmark's function does; Redis has a command for it.
  template <class F>
  void modify(const std::string& key, F /*increment*/) const {
    (void)command("INCR %b", key);
  }

 private:
  using Reply = std::unique_ptr<redisReply, void (*)(void*)>;

  template <class... Rest>
  [[nodiscard]] Reply command(const char* format, const std::string& key, Rest... rest) const {
    Reply reply(static_cast<redisReply*>(
                    redisCommand(context_.get(), format, key.data(), key.size(), rest...)),
                freeReplyObject);
    if (reply == nullptr || reply->type == REDIS_REPLY_ERROR) {
      std::fprintf(stderr, "Redis: %s\n", reply == nullptr ? context_->errstr : reply->str);
      std::abort();
    }
    return reply;
  }

  std::unique_ptr<redisContext, void (*)(redisContext*)> context_;
};

/// The server; ends with the object, or with its maker.
class Redis {
 public:
  Redis() {
    server_ = ::fork();
    if (server_ == 0) serve();
    // It says when it is ready on its output only; whoever asks earlier is refused.
    while (::waitpid(server_, nullptr, WNOHANG) == 0) {
      if (open().is_open()) {
        is_there_ = true;
        return;
      }
      ::usleep(10'000);
    }
  }
  Redis(const Redis&) = delete;
  Redis& operator=(const Redis&) = delete;
  ~Redis() {
    if (!is_there_) return;
    ::kill(server_, SIGTERM);
    ::waitpid(server_, nullptr, 0);
  }

  /// False: there is no redis-server here.
  [[nodiscard]] bool is_there() const noexcept { return is_there_; }
  [[nodiscard]] RedisSession open() const { return RedisSession(socket()); }

 private:
  [[nodiscard]] std::string socket() const { return folder_.path() + "/socket"; }

  [[noreturn]] void serve() const {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    ::dup2(::open("/dev/null", O_WRONLY | O_CLOEXEC), STDOUT_FILENO);
    const std::string path = socket();
    ::execlp("redis-server", "redis-server", "--port", "0", "--unixsocket", path.c_str(), "--dir",
             folder_.path().c_str(), "--save", "", "--appendonly", "no",
             static_cast<char*>(nullptr));
    ::_exit(127);
  }

  TemporaryFolder folder_{"/tmp"};
  pid_t server_ = -1;
  bool is_there_ = false;
};

}  // namespace peer
