# Listens on a port of 127.0.0.1, prints it, and passes connections on to the Unix socket given as argument, until it is killed.
import asyncio
import sys


async def copy(reader, writer):
    while data := await reader.read(65536):
        writer.write(data)
        await writer.drain()
    writer.close()


async def connected(reader, writer):
    ahead, back = await asyncio.open_unix_connection(sys.argv[1])
    await asyncio.gather(copy(reader, back), copy(ahead, writer), return_exceptions=True)
    back.close()
    writer.close()


async def main():
    server = await asyncio.start_server(connected, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


asyncio.run(main())
