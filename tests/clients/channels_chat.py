"""A chat of Django Channels, for channels.test.js: daphne serves `application`. GET / returns what Django sees of the request;
/ws/chat/ROOM/ is a room whose members get each other's messages."""
import django
from django.conf import settings

settings.configure(
    ALLOWED_HOSTS=['127.0.0.1', 'chat.example.com'],
    CHANNEL_LAYERS={'default': {'BACKEND': 'channels.layers.InMemoryChannelLayer'}},
    INSTALLED_APPS=['channels'],
    ROOT_URLCONF=__name__,
    SECRET_KEY='of the test',
    SECURE_PROXY_SSL_HEADER=('HTTP_X_FORWARDED_PROTO', 'https'),
)
django.setup()

from channels.generic.websocket import AsyncJsonWebsocketConsumer
from channels.routing import ProtocolTypeRouter, URLRouter
from channels.security.websocket import AllowedHostsOriginValidator
from django.core.asgi import get_asgi_application
from django.http import JsonResponse
from django.urls import path


def seen(request):
    return JsonResponse({'client': request.META['REMOTE_ADDR'], 'host': request.get_host(), 'secure': request.is_secure()})


urlpatterns = [path('', seen)]


class Room(AsyncJsonWebsocketConsumer):
    async def connect(self):
        self.room = self.scope['url_route']['kwargs']['room']
        if self.room == 'closed':
            return await self.close()
        await self.channel_layer.group_add(self.room, self.channel_name)
        await self.accept()
        await self.send_json({'client': self.scope['client'][0]})

    async def disconnect(self, code):
        await self.channel_layer.group_discard(self.room, self.channel_name)
        await self.channel_layer.group_send(self.room, {'type': 'say', 'content': {'left': code}})

    async def receive_json(self, content):
        if 'leave' in content:
            return await self.close(code=content['leave'])
        await self.channel_layer.group_send(self.room, {'type': 'say', 'content': content})

    async def say(self, event):
        await self.send_json(event['content'])


application = ProtocolTypeRouter({
    'http': get_asgi_application(),
    'websocket': AllowedHostsOriginValidator(URLRouter([path('ws/chat/<room>/', Room.as_asgi())])),
})
