// peer_adolc.cpp - the scalar workloads with ADOL-C: a tape of operations in buffers, and in files once
// these are full. The buffers are set so large that it needs no file.
#include <adolc/adolc.h>

#include "peer_scalar.hpp"

struct AdolC {
    using Number = adouble;
    static std::vector<double> inputs, gradients;

    static void begin()
    {
        constexpr unsigned room = 1u << 26;
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

int main(int argc, char **argv)
{
    return Workloads<AdolC>::serve(argc, argv);
}
