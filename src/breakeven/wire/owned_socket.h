// OwnedSocket: a socket that closes itself. Internal to wire/.
#pragma once

#include <unistd.h>

#include <utility>

namespace breakeven {

class OwnedSocket final {
   public:
    OwnedSocket() = default;
    explicit OwnedSocket(int number) : number_(number) {}
    OwnedSocket(OwnedSocket&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
    OwnedSocket& operator=(OwnedSocket&& other) noexcept {
        std::swap(number_, other.number_);
        return *this;
    }
    OwnedSocket(const OwnedSocket&) = delete;
    OwnedSocket& operator=(const OwnedSocket&) = delete;
    ~OwnedSocket() {
        if (number_ >= 0) close(number_);
    }

    int number() const { return number_; }
    bool is_open() const { return number_ >= 0; }
    int release() { return std::exchange(number_, -1); }

   private:
    int number_ = -1;
};

}  // namespace breakeven
