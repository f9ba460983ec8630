"""An external scaler in another implementation of gRPC: says the number in a file, and pushes when it changes.

    scaler.py PORT FILE        with what protoc made of externalscaler.proto on PYTHONPATH
"""
import sys
import time
from concurrent import futures

import externalscaler_pb2 as pb
import grpc

port, file = sys.argv[1], sys.argv[2]


def number():
    with open(file) as opened:
        return float(opened.read())


def is_active(_ref, _context):
    return pb.IsActiveResponse(result=number() > 0)


def stream_is_active(_ref, context):
    last = None
    while context.is_active():
        now = number()
        if now != last:
            last = now
            yield pb.IsActiveResponse(result=now > 0)
        time.sleep(0.02)


def metric_spec(ref, _context):
    target = float(ref.scalerMetadata.get("target", "5"))
    return pb.GetMetricSpecResponse(metricSpecs=[pb.MetricSpec(metricName="file", targetSizeFloat=target)])


def metrics(request, _context):
    assert request.metricName == "file" and request.scaledObjectRef.name == "web"
    return pb.GetMetricsResponse(metricValues=[pb.MetricValue(metricName="file", metricValueFloat=number())])


def unary(run, request):
    return grpc.unary_unary_rpc_method_handler(run, request.FromString, lambda answer: answer.SerializeToString())


server = grpc.server(futures.ThreadPoolExecutor(max_workers=8))
server.add_generic_rpc_handlers([
    grpc.method_handlers_generic_handler("externalscaler.ExternalScaler", {
        "IsActive": unary(is_active, pb.ScaledObjectRef),
        "GetMetricSpec": unary(metric_spec, pb.ScaledObjectRef),
        "GetMetrics": unary(metrics, pb.GetMetricsRequest),
        "StreamIsActive": grpc.unary_stream_rpc_method_handler(
            stream_is_active, pb.ScaledObjectRef.FromString, lambda answer: answer.SerializeToString()
        ),
    })
])
server.add_insecure_port(f"127.0.0.1:{port}")
server.start()
print("ready", flush=True)
server.wait_for_termination()
