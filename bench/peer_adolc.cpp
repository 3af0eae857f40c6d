// peer_adolc.cpp - the scalar workloads with ADOL-C: a tape of operations in buffers, and in files once
// these are full. The buffers are set so large that it needs no file.
#include <adolc/adolc.h>

#include "peer_scalar.hpp"

struct AdolC {
    using Number = adouble;
    static std::vector<double> inputs, gradients;
    static unsigned room;

    static void begin()
    {
        const unsigned room = AdolC::room;
        inputs.clear();
        trace_on(1, 0, room, 4u * room, room, room);
    }
    static Number input(double x)
    {
        Number v;
        v <<= x;
        inputs.push_back(x);
        return v;
    }
    static double number(const Number &x) { return x.value(); }
    static Number power(const Number &x, int n) { return pow(x, static_cast<double>(n)); }
    static Number relu(const Number &x) { return x > 0 ? x : Number(0.0); }
    static void backward(Number &root)
    {
        double out;
        root >>= out;
        trace_off();
        gradients.resize(inputs.size());
        ::gradient(1, static_cast<int>(inputs.size()), inputs.data(), gradients.data());
    }
    static double gradient(const Number &, int i) { return gradients[i]; }
    static void end() {}
};

std::vector<double> AdolC::inputs, AdolC::gradients;
unsigned AdolC::room = 1u << 26;

// R2, R3, R3n: the tape that the workload has left is run again, forwards and backwards.
static bool is_mlp;

static void replay(double *results)
{
    std::vector<double> &x = AdolC::inputs, &g = AdolC::gradients;
    const int n = static_cast<int>(x.size());
    double one = 1;
    zos_forward(1, 1, n, 1, x.data(), results);
    fos_reverse(1, 1, n, &one, g.data());
    double weighted = 0, sum = 0;
    for (int i = 0; i < n; i++) {
        weighted += (i + 1) * g[i];
        sum += g[i];
    }
    results[1] = is_mlp ? weighted : g[n - 1];
    results[2] = g[is_mlp ? 100 : 0];
    results[3] = is_mlp ? 0 : sum;
}

int main(int argc, char **argv)
{
    const std::string name = argc == 2 ? argv[1] : "";
    if (name[0] != 'R')
        return Workloads<AdolC>::serve(argc, argv);
    const auto record = Workloads<AdolC>::find("W" + name.substr(1));
    double results[MOST_RESULTS];
    if (!record)
        return 1;
    is_mlp = name == "R2";
    if (is_mlp)
        AdolC::room = 1u << 20; // each run takes buffers anew, which costs more the larger they are
    record(results);
    return Workloads<AdolC>::serve(replay);
}
