// FarServer: a real server as a session's far side: it is kept having the networks that the plans need there, asked
// without waiting, and probed.
#pragma once

#include <atomic>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "breakeven/engine/parts_seam.h"
#include "breakeven/model/image.h"
#include "breakeven/session/world.h"
#include "breakeven/time/clock.h"
#include "breakeven/wire/client.h"

namespace breakeven {

class FarServer final : public FarSide {
   public:
    /// Kept warm, a connection sends a request at once; else TCP finds the link's rate anew after each rest.
    enum class Connection { kept_warm, as_it_is };
    FarServer(std::shared_ptr<Client> client, Clock& clock, Connection connection);
    ~FarServer() override;  ///< a look under way ends at its next step

    /// A network that must be there; `ends` say what goes in and what must come back. Before the first look.
    /// `own_or_content`: it may be served already under its own name; else under one that nobody else uses.
    enum class Name { own_or_content, content };
    std::shared_ptr<PartThere> keep(ModelImage image, PartEnds ends, Name name);

    std::unique_ptr<Attempt> probe(Bytes size, Seconds limit, std::function<void(Outcome<Echo>)> done) override;
    void look(std::function<void(Outcome<bool>)> done) override;
    std::optional<Seconds> round_trip() override;
    void in_use() override;
    /// Holds TCP's window by tiny calls instead of BBR from now on, where a request that was sent shows that to be
    /// quicker. Nothing for connections that are left as they are.
    void learn_transport(const KeptSending& sent);
    /// Looks on this thread. What the server refuses to take is not asked for again, as long as it has anything else.
    Outcome<bool> look_now();
    bool has(const PartThere& part) const;

   private:
    class Part;
    void follow();

    std::shared_ptr<Client> client_;  // shared with the parts
    Clock& clock_;
    std::vector<std::shared_ptr<Part>> parts_;
    std::mutex looking_;  ///< one at a time
    Seconds warm_until_{0.0};
    Connection connection_;
    std::mutex mutex_;
    std::condition_variable asked_;
    std::function<void(Outcome<bool>)> wanted_;
    std::atomic<bool> closing_ = false;
    std::thread thread_;  ///< looks
};

}  // namespace breakeven
